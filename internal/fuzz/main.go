// Command fuzz runs all fuzz targets of the modules in the folders it is given, one
// after another, and prints what each did. It finds the targets itself, so that
// none is forgotten. It goes on after one that fails, and then fails at the end.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// target is a fuzz target: where its module is, its package, and its name.
type target struct{ module, pkg, name string }

func (t target) String() string { return path.Base(t.pkg) + "." + t.name }

// result is what a target did.
type result struct {
	target
	execs  int64 // inputs it ran
	took   time.Duration
	failed bool
}

func main() {
	each := flag.Duration("time", 10*time.Minute, "how long each target runs")
	match := flag.String("match", "", "`regexp` of the targets to run, as server.FuzzRange; all when empty")
	flag.Parse()
	if err := run(*each, *match, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

func run(each time.Duration, match string, modules []string) error {
	wanted, err := regexp.Compile(match)
	if err != nil {
		return err
	}
	var results []result
	failed := 0
	for _, module := range modules {
		targets, err := find(module)
		if err != nil {
			return err
		}
		for _, t := range targets {
			if !wanted.MatchString(t.String()) {
				continue
			}
			r := t.fuzz(each)
			if results = append(results, r); r.failed {
				failed++
			}
		}
	}
	table(os.Stdout, results)
	switch {
	case len(results) == 0:
		return fmt.Errorf("no target matches %q", match)
	case failed > 0:
		return fmt.Errorf("%d of %d targets failed; the inputs are in testdata/fuzz of their packages", failed, len(results))
	}
	return nil
}

// find lists the fuzz targets of a module.
func find(module string) ([]target, error) {
	cmd := exec.Command("go", "test", "-list", "^Fuzz", "./...")
	cmd.Dir, cmd.Stderr = module, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("the targets in %s cannot be listed: %w\n%s", module, err, out)
	}
	return listed(module, out), nil
}

// listed reads what go test -list prints: names, and then their package.
func listed(module string, out []byte) (targets []target) {
	var names []string
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		switch {
		case len(words) == 1 && strings.HasPrefix(words[0], "Fuzz"):
			names = append(names, words[0])
		case len(words) > 1 && words[0] == "ok":
			for _, name := range names {
				targets = append(targets, target{module, words[1], name})
			}
			names = nil
		}
	}
	return targets
}

// fuzz runs the target and shows what it prints.
func (t target) fuzz(each time.Duration) result {
	fmt.Println("fuzz", t.pkg, t.name)
	cmd := exec.Command("go", "test", t.pkg, "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", each.String())
	var out bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.module, io.MultiWriter(os.Stdout, &out), os.Stderr
	begin := time.Now()
	err := cmd.Run()
	return result{t, execs(&out), time.Since(begin), err != nil}
}

var execsText = regexp.MustCompile(`\bexecs: (\d+)`)

// execs is the last number of inputs that a target said it has run, 0 for none.
func execs(out io.Reader) (n int64) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if m := execsText.FindSubmatch(lines.Bytes()); m != nil {
			n, _ = strconv.ParseInt(string(m[1]), 10, 64)
		}
	}
	return n
}

// table prints a line for each result.
func table(to io.Writer, results []result) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "target\texecutions\ttook\t")
	for _, r := range results {
		verdict := "ok"
		if r.failed {
			verdict = "FAILED"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", r.target, r.execs, r.took.Round(time.Second), verdict)
	}
	_ = w.Flush()
}
