package badgerdb_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/badgerdb"
)

// Children of tests are this test binary with one of these set.
const (
	envWriteBlobs = "BADGERDB_TEST_WRITE_BLOBS" // megabytes
	envCrash      = "BADGERDB_TEST_CRASH"
	envDamaged    = "BADGERDB_TEST_DAMAGED"
	envFullDisk   = "BADGERDB_TEST_FULL_DISK"
	envDir        = "BADGERDB_TEST_DIR"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(envWriteBlobs) != "":
		os.Exit(writeBlobs(os.Getenv(envDir), os.Getenv(envWriteBlobs)))
	case os.Getenv(envCrash) != "":
		os.Exit(writeUntilKilled(os.Getenv(envDir), os.Getenv(envCrash)))
	case os.Getenv(envDamaged) != "":
		os.Exit(readDamaged(os.Getenv(envDir)))
	case os.Getenv(envFullDisk) != "":
		os.Exit(closeOnFullDisk(os.Getenv(envFullDisk), os.Getenv(envDir)))
	default:
		os.Exit(m.Run())
	}
}

func child(t testing.TB, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	return cmd
}

func TestMemoryStaysSmallWhileBlobsAreWritten(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("resident memory is read from /proc")
	}
	t.Parallel()
	megabytes := "1024"
	if testing.Short() || raceEnabled {
		megabytes = "200"
	}
	out, err := child(t, envWriteBlobs+"="+megabytes, envDir+"="+t.TempDir()).Output()
	if err != nil {
		t.Fatalf("writing blobs: %v", err)
	}
	resident, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d MiB resident after %s MB of blobs", resident, megabytes)
	if limit := 150; resident >= limit && !raceEnabled {
		t.Errorf("%d MiB resident after %s MB of blobs, want less than %d", resident, megabytes, limit)
	}
}

// writeBlobs runs in the child. It prints its resident memory in MiB.
func writeBlobs(dir, megabytes string) int {
	err := func() error {
		n, err := strconv.Atoi(megabytes)
		if err != nil {
			return err
		}
		db, err := badgerdb.Open(badgerdb.Options{Dir: dir})
		if err != nil {
			return err
		}
		const each = 8
		content := make([]byte, each<<20)
		for i := range content {
			content[i] = byte(rand.Uint32())
		}
		for i := range n / each {
			key := storage.NewKey("blobs").Uint(uint64(i))
			if _, err := storage.PutBlob(context.Background(), db, key, bytes.NewReader(content), 1<<30); err != nil {
				return err
			}
		}
		r, err := storage.OpenBlob(context.Background(), db, storage.NewKey("blobs").Uint(0))
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			return err
		}
		kib, err := residentKiB()
		fmt.Println(kib >> 10)
		return err
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func residentKiB() (kib int, err error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			_, err = fmt.Sscanf(rest, "%d kB", &kib)
			return kib, err
		}
	}
	return 0, fmt.Errorf("no VmRSS in %q", status)
}
