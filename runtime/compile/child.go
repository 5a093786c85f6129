package compile

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// exitRefused is the exit code of a child that did not take the job. A Go program
// that dies has another.
const exitRefused = 1

// Child is the main function of [Options.Command], in the same build of the same
// program as the one that opened the cache; it returns the exit code. It reads one
// job from in, confines and limits the whole process as far as the kernel can,
// compiles, and answers on out. What the engine does wrong shows on the process's
// standard error. It ends with its parent.
func Child(in io.Reader, out, log io.Writer) int {
	r := bufio.NewReaderSize(in, maxJob)
	j, lacks, err := begin(r)
	if err != nil {
		fmt.Fprintln(log, "compile:", err)
		return exitRefused
	}
	module := make([]byte, j.ModuleSize)
	if _, err := io.ReadFull(r, module); err != nil {
		fmt.Fprintln(log, "compile: module:", err)
		return exitRefused
	}
	go exitAtEnd(r)
	err = translate(context.Background(), j.Dir, module)
	if err := json.NewEncoder(out).Encode(replyOf(err, lacks)); err != nil {
		return exitRefused
	}
	return 0
}

// begin reads the job and gives up what is not needed for it, before anything of
// the module is read. lacks is what the kernel cannot take away.
func begin(r *bufio.Reader) (j job, lacks []string, err error) {
	if j, err = readJob(r); err != nil {
		return j, nil, err
	}
	if err := limit(j.Limits); err != nil {
		return j, nil, fmt.Errorf("limits: %w", err)
	}
	return j, confine(j.Dir), nil
}

// readJob reads the job, which is bounded before it is believed.
func readJob(r *bufio.Reader) (j job, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return j, fmt.Errorf("no job: %w", err)
	}
	if err := json.Unmarshal(line, &j); err != nil {
		return j, fmt.Errorf("bad job: %w", err)
	}
	if j.Dir == "" || j.ModuleSize < 0 || j.ModuleSize > maxModule || j.Limits.Time <= 0 || j.Limits.MemoryBytes <= 0 || j.Limits.CodeBytes <= 0 {
		return j, errors.New("bad job: a value is missing or out of bounds")
	}
	return j, nil
}

// exitAtEnd ends the process when the parent closes its end, as it does when it
// is killed.
func exitAtEnd(r io.Reader) {
	_, _ = io.Copy(io.Discard, r)
	os.Exit(exitRefused)
}
