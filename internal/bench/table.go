package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// table is the result: what was measured, the figure, and its ratio to a reference of the same run.
type table struct {
	rows [][4]string
}

func (t *table) add(what, figure, ratio, aim string) {
	t.rows = append(t.rows, [4]string{what, figure, ratio, aim})
}

// notRun adds a row without a figure. The reason is one line, however much an installer printed.
func (t *table) notRun(what string, why error) {
	t.add(what, fmt.Sprintf("NOT RUN: %.200s", strings.Join(strings.Fields(why.Error()), " ")), "", "")
}

func (t *table) print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "what\tfigure\tratio\taim")
	for _, r := range t.rows {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", r[0], r[1], r[2], r[3])
	}
	return tw.Flush()
}
