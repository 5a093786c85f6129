package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheToolchainIsFoundByWhatIsInTheFolder(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, file, want string }{
		{"a Go agent", "main.go", ""},
		{"a Rust agent", "Cargo.toml", "Rust project"},
		{"a JavaScript agent", "package.json", "JavaScript project"},
		{"a TypeScript file", "agent.ts", "JavaScript project"},
		{"nothing that is known", "notes.txt", "holds no agent"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			file := writeFile(t, test.file, "")
			tools, err := findToolchain(filepath.Dir(file))
			switch {
			case test.want == "" && (err != nil || tools.name != "go"):
				t.Errorf("got %q, %v, want go", tools.name, err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestAChangeOfASourceIsSeenOncePerBurst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, err := watch(dir, []string{".go"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	ctx, cancel := context.WithCancel(t.Context())
	changes, ended := make(chan struct{}), make(chan error)
	go func() {
		ended <- w.run(ctx, func() {
			select {
			case changes <- struct{}{}:
			case <-ctx.Done():
			}
		})
	}()

	write := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("notes.txt")
	write("a.go")
	write("b.go")
	<-changes
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	<-changes // a new folder may hold sources already
	write("sub/c.go")
	<-changes
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestFoldersOfOtherToolsAreNotWatched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, sub := range []string{".git/objects", "node_modules/x", "target", "pkg"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.FromSlash(sub)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w, err := watch(dir, []string{".go"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	if got := w.fs.WatchList(); len(got) != 2 {
		t.Errorf("watched are %q, want the folder and pkg", got)
	}
}

func TestAServerInUseIsSaidWithWhatToDo(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := invoke(t, nil, "serve", "--addr", l.Addr().String(), "--data", t.TempDir())
	if got.code != exitFailed || !strings.Contains(got.stderr, "is in use by another program") {
		t.Errorf("exit code %d, %q", got.code, got.stderr)
	}
}
