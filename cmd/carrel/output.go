package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/cobra"
)

// output prints results, for people or with --json for programs.
type output struct {
	program
	json *bool
}

// addOutput gives cmd the flag --json.
func (p program) addOutput(cmd *cobra.Command) output {
	return output{p, cmd.Flags().Bool("json", false, "print JSON")}
}

// print prints v with --json, and calls text without.
func (o output) print(v any, text func()) error {
	if !*o.json {
		text()
		return nil
	}
	enc := json.NewEncoder(o.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// line prints v as one line of JSON: an element of a stream.
func (o output) line(v any) error {
	enc := json.NewEncoder(o.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// table prints rows under a heading, in columns.
func (o output) table(heading string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	w := tabwriter.NewWriter(o.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.ReplaceAll(heading, " ", "\t"))
	for _, row := range rows {
		for i := range row {
			row[i] = cell(row[i])
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
}

// printable takes control characters out of what others wrote, so that it
// cannot steer the terminal; line breaks and tabs stay.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}

// cell is printable on one line.
func cell(s string) string {
	return strings.NewReplacer("\n", " ", "\t", " ").Replace(printable(s))
}

// terminal reports whether w is a terminal that takes colours and progress.
func (p program) terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || p.getenv("NO_COLOR") != "" || p.getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
