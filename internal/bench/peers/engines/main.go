// Command engines runs guests in wazero and Extism as they come: the references
// of carrel's benchmark of its runtime. Usage: engines ROLE -module FILE [flags].
//
// Roles other than serve measure when they are asked: each line of standard input
// is a number of operations, and is answered with their times in nanoseconds.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"
	"time"
)

// order is what a role is told.
type order struct {
	module  []byte
	request string
	cache   string
	port    int
}

// operation does once what is measured and returns how long it took.
type operation func(ctx context.Context) (time.Duration, error)

func main() {
	log.SetFlags(0)
	if err := run(context.Background(), os.Args[1:]); err != nil {
		log.Fatal("engines: ", err)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("roles are fresh, warm, compile, load, extism and serve")
	}
	var o order
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	module := flags.String("module", "", "the guest")
	flags.StringVar(&o.request, "request", "", "what the guest is asked")
	flags.StringVar(&o.cache, "cache", "", "the folder of compiled code")
	flags.IntVar(&o.port, "port", 0, "the port to listen on")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if args[0] == "serve" {
		return serve(ctx, o.port, flags.Args())
	}
	prepare := map[string]func(context.Context, order) (operation, error){
		"fresh": fresh, "warm": warm, "compile": compile, "load": load, "extism": inExtism,
	}[args[0]]
	if prepare == nil {
		return fmt.Errorf("no role %q", args[0])
	}
	var err error
	if o.module, err = os.ReadFile(*module); err != nil {
		return err
	}
	op, err := prepare(ctx, o)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	return answer(ctx, os.Stdin, os.Stdout, op)
}

// answer measures as often as each line of in says.
func answer(ctx context.Context, in io.Reader, out io.Writer, op operation) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			return err
		}
		times := make([]string, n)
		for i := range times {
			took, err := op(ctx)
			if err != nil {
				return err
			}
			times[i] = strconv.FormatInt(took.Nanoseconds(), 10)
		}
		fmt.Fprintln(out, strings.Join(times, " "))
	}
	return lines.Err()
}
