package main

import "context"

// The references of the runtime, each the engine as it comes.
var (
	engines  = installed("engines", "bin/engines")
	wasmtime = installed("wasmtime", "bin/wasmtime")
)

// sandboxSection measures a clean sandbox and a run in it.
func sandboxSection(ctx context.Context, s settings, t *table) error {
	guest, err := jsonGuest(ctx, s.dir)
	if err != nil {
		return err
	}
	on := func(file string) []string { return []string{"-module", file, "-request", runRequest("1")} }
	large := contest{
		what: "clean sandbox and run, Go guest with encoding/json", rounds: 10, operations: 100,
		ours: contender{name: "carrel", command: role("sandbox"), args: on(guest)},
		rivals: []contender{
			fromEngines("wazero 1.12.0, instantiate and _initialize and call", "≤ 1/100", "fresh", on(guest)),
			fromEngines("Extism 1.7.1, instance and call", "reported", "extism", on(guest)),
		},
	}
	if err := large.run(ctx, s, t); err != nil {
		return err
	}
	small := contest{
		what: "clean sandbox and run, small guest in C", rounds: 10, operations: 100,
		ours: contender{name: "carrel", command: role("sandbox"), args: on(smallGuest)},
		rivals: []contender{
			fromWasmtime("wasmtime 50.0.1 from C, memory copied on write", "≤ 1/10", "fresh", on(smallGuest)),
			fromWasmtime("wasmtime 50.0.1 from C, the same, pooled", "reported", "pooled", on(smallGuest)),
			fromEngines("wazero 1.12.0", "reported", "fresh", on(smallGuest)),
			fromEngines("Extism 1.7.1", "reported", "extism", on(smallGuest)),
		},
	}
	return small.run(ctx, s, t)
}

// fuelSection measures what it costs that carrel bounds a guest's time: the same
// work in a module without fuel.
func fuelSection(ctx context.Context, s settings, t *table) error {
	guest, err := jsonGuest(ctx, s.dir)
	if err != nil {
		return err
	}
	for _, work := range []struct{ name, guest, text, aim string }{
		{"a tight loop", workGuest, "loop 10000000", "≤ 1.15x"},
		{"a sort", workGuest, "sort 3", "≤ 1.35x"},
		{"calls (fib)", workGuest, "fib 27", "reported"},
		{"encoding/json", guest, "1000", "≤ 1.35x"},
	} {
		args := []string{"-module", work.guest, "-request", runRequest(work.text)}
		c := contest{
			what: "fuel, " + work.name, rounds: 5, operations: 4, multiple: true,
			ours:   contender{name: "carrel", command: role("sandbox"), args: args},
			rivals: []contender{fromEngines("wazero 1.12.0, without fuel", work.aim, "warm", args)},
		}
		if err := c.run(ctx, s, t); err != nil {
			return err
		}
	}
	return nil
}

// fromEngines is a contender in Go.
func fromEngines(name, aim, as string, args []string) contender {
	return contender{name: name, aim: aim, command: engines, args: append([]string{as}, args...)}
}

// fromWasmtime is a contender in C.
func fromWasmtime(name, aim, as string, args []string) contender {
	return contender{name: name, aim: aim, command: wasmtime, args: append([]string{as}, args...)}
}
