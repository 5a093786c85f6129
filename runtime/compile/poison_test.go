package compile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestPoisonedEntriesAreNotOpened changes an entry in every way that somebody
// could who can write to the folder: the module is compiled anew, and the reason
// is in the log. The first two are code that the engine itself would run.
func TestPoisonedEntriesAreNotOpened(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		poison func(t *testing.T, h *house, entry string)
		says   string
	}{
		"the code of another module": {func(t *testing.T, h *house, entry string) {
			write(t, h.code(t, entry), strangeCode(t))
		}, "MAC is wrong"},
		"another entry as a whole": {func(t *testing.T, h *house, entry string) {
			other, code := compiledElsewhere(t, h, answering(8)), h.code(t, entry)
			replace(t, other, entry)
			must(t, os.Rename(h.code(t, entry), code))
		}, "MAC is wrong"},
		"another entry under its own name": {func(t *testing.T, h *house, entry string) {
			replace(t, compiledElsewhere(t, h, answering(8)), entry)
		}, "MAC is wrong"},
		"a byte":            {func(t *testing.T, h *house, entry string) { flip(t, h.code(t, entry)) }, "MAC is wrong"},
		"no code":           {func(t *testing.T, h *house, entry string) { write(t, h.code(t, entry), nil) }, "MAC is wrong"},
		"a byte of the MAC": {func(t *testing.T, h *house, entry string) { flip(t, filepath.Join(entry, macFile)) }, "MAC is wrong"},
		"a short MAC":       {func(t *testing.T, h *house, entry string) { write(t, filepath.Join(entry, macFile), []byte("x")) }, "32 bytes"},
		"no MAC":            {func(t *testing.T, h *house, entry string) { must(t, os.Remove(filepath.Join(entry, macFile))) }, "must have"},
		"one file more":     {func(t *testing.T, h *house, entry string) { write(t, h.code(t, entry)+"1", nil) }, "must have one"},
		"no file":           {func(t *testing.T, h *house, entry string) { must(t, os.Remove(h.code(t, entry))) }, "must have one"},
		"one folder more":   {func(t *testing.T, h *house, entry string) { must(t, os.Mkdir(filepath.Join(entry, "x"), 0o700)) }, "must have"},
		"another name": {func(t *testing.T, h *house, entry string) {
			must(t, os.Rename(h.code(t, entry), filepath.Join(entry, h.version, "x")))
		}, "MAC is wrong"},
		"a link to the same code": {func(t *testing.T, h *house, entry string) {
			code := h.code(t, entry)
			elsewhere := filepath.Join(t.TempDir(), "code")
			must(t, os.Rename(code, elsewhere))
			must(t, os.Symlink(elsewhere, code))
		}, "symbolic links"},
		"a link to the same folder": {func(t *testing.T, h *house, entry string) {
			elsewhere := filepath.Join(t.TempDir(), "entry")
			must(t, os.Rename(entry, elsewhere))
			must(t, os.Symlink(elsewhere, entry))
		}, "is no folder"},
		"a pipe": {func(t *testing.T, h *house, entry string) {
			code := h.code(t, entry)
			must(t, os.Remove(code))
			must(t, syscall.Mkfifo(code, 0o600))
		}, "is no regular file"},
		"a file in its place":     {func(t *testing.T, h *house, entry string) { must(t, os.RemoveAll(entry)); write(t, entry, nil) }, "is no folder"},
		"code for all to write":   {func(t *testing.T, h *house, entry string) { must(t, os.Chmod(h.code(t, entry), 0o622)) }, "others may"},
		"a MAC for all to read":   {func(t *testing.T, h *house, entry string) { must(t, os.Chmod(filepath.Join(entry, macFile), 0o644)) }, "others may"},
		"a folder for the group":  {func(t *testing.T, h *house, entry string) { must(t, os.Chmod(entry, 0o720)) }, "others may"},
		"an inner folder for all": {func(t *testing.T, h *house, entry string) { must(t, os.Chmod(filepath.Join(entry, h.version), 0o707)) }, "others may"},
		"the code of another user": {func(t *testing.T, h *house, entry string) {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a file away")
			}
			must(t, os.Chown(h.code(t, entry), 1, 1))
		}, "somebody else"},
		"more code than there may be": {func(t *testing.T, h *house, entry string) {
			must(t, os.Truncate(h.code(t, entry), h.opts.Limits.CodeBytes+1))
		}, "bytes of code"},
		"another secret": {func(t *testing.T, h *house, entry string) {
			h.secret = make([]byte, secretSize)
		}, "MAC is wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t, Options{Dir: private(t), Limits: Limits{CodeBytes: 1 << 20}})
			if _, _, err := h.load(t, answering(7)); err != nil {
				t.Fatal(err)
			}
			c.poison(t, h, h.entry(t))
			if got, hit, err := h.load(t, answering(7)); got != 7 || hit || err != nil {
				t.Errorf("got %d, hit %t, %v, want it compiled anew", got, hit, err)
			}
			if log := h.log.String(); !strings.Contains(log, c.says) || !strings.Contains(log, "entry of compiled code is removed") {
				t.Errorf("the log does not say %q:\n%s", c.says, log)
			}
			if got, hit, err := h.load(t, answering(7)); got != 7 || !hit || err != nil {
				t.Errorf("after that: got %d, hit %t, %v", got, hit, err)
			}
		})
	}
}

// TestTheSecretIsReplacedWhenOthersCouldKnowIt and everything compiled with it.
func TestTheSecretIsReplacedWhenOthersCouldKnowIt(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, secret string){
		"it could be read": func(t *testing.T, secret string) { must(t, os.Chmod(secret, 0o640)) },
		"it is short":      func(t *testing.T, secret string) { write(t, secret, []byte("x")) },
		"it is a link": func(t *testing.T, secret string) {
			must(t, os.Rename(secret, secret+"1"))
			must(t, os.Symlink(secret+"1", secret))
		},
		"it is gone": func(t *testing.T, secret string) { must(t, os.Remove(secret)) },
		"it is something else": func(t *testing.T, secret string) {
			must(t, os.Remove(secret))
			must(t, os.MkdirAll(filepath.Join(secret, "x"), 0o700))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := private(t)
			h := open(t, Options{Dir: dir})
			if _, _, err := h.load(t, answering(7)); err != nil {
				t.Fatal(err)
			}
			before := h.secret
			h.shut(t)
			spoil(t, filepath.Join(dir, secretFile))
			h = open(t, Options{Dir: dir})
			if bytes.Equal(h.secret, before) || len(h.secret) != secretSize {
				t.Error("the secret is the same")
			}
			if got, hit, err := h.load(t, answering(7)); got != 7 || hit || err != nil {
				t.Errorf("got %d, hit %t, %v, want it compiled anew", got, hit, err)
			}
		})
	}
}

func TestCodeThatIsExchangedWhileItIsCheckedIsNotLoaded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	checked, other := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	write(t, checked, nil)
	write(t, other, nil)
	f, err := openOwn(checked)
	must(t, err)
	defer f.Close()
	if err := sameFile(f, checked); err != nil {
		t.Error(err)
	}
	if err := sameFile(f, other); err == nil {
		t.Error("another file passes")
	}
}

// strangeCode is a file of code for a module that answers 66.
func strangeCode(t *testing.T) []byte {
	h := open(t, Options{Dir: private(t)})
	if _, _, err := h.load(t, answering(8)); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(h.code(t, h.entry(t)))
	must(t, err)
	return content
}

// compiledElsewhere is an entry of another module, with a MAC that is right for it.
func compiledElsewhere(t *testing.T, like *house, module []byte) string {
	h := open(t, Options{Dir: private(t)})
	h.secret = like.secret
	if _, _, err := h.load(t, module); err != nil {
		t.Fatal(err)
	}
	return h.entry(t)
}

func replace(t *testing.T, from, to string) {
	must(t, errors.Join(os.RemoveAll(to), os.Rename(from, to)))
}

func flip(t *testing.T, file string) {
	content, err := os.ReadFile(file)
	must(t, err)
	content[len(content)/2] ^= 0xff
	write(t, file, content)
}

func write(t *testing.T, file string, content []byte) { must(t, os.WriteFile(file, content, 0o600)) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
