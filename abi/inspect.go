package abi

import "fmt"

// Inspection is what carrel found out about a module without running a task.
type Inspection struct {
	// Digest is the SHA-256 of the file, 64 lower-case hex digits. Size is in bytes.
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
	// Imports are all imported functions, Exports all exported names.
	Imports []Import `json:"imports"`
	Exports []string `json:"exports"`
	// Wants are the host functions the module imports, in the order of [Funcs].
	Wants []string `json:"wants"`
	// MemoryMin and MemoryMax are the declared bounds of the memory in bytes; MemoryMax is 0 when the module declares none.
	MemoryMin int64 `json:"memoryMin"`
	MemoryMax int64 `json:"memoryMax,omitempty"`
	// Meta is the content of the custom section carrel.meta, if it is a JSON object.
	Meta map[string]any `json:"meta,omitempty"`
	// Description is what carrel_describe returned; its zero value when the module does not export it.
	Description Description `json:"description"`
	// CompileMillis is how long checking, rewriting and compiling the module took.
	CompileMillis int64 `json:"compileMillis"`
	// RewrittenSize is the size in bytes of what is compiled: the module's code with
	// the accounts that carrel writes into it, without its data.
	RewrittenSize int64 `json:"rewrittenSize"`
	// SnapshotBytes is what the state takes in which every run begins, in bytes. It
	// is 0 for a module that runs on fresh instances; NoSnapshot says why.
	SnapshotBytes int64  `json:"snapshotBytes,omitempty"`
	NoSnapshot    string `json:"noSnapshot,omitempty"`
	// ResetMicros is how long it took to undo one call of carrel_describe.
	ResetMicros int64 `json:"resetMicros,omitempty"`
}

// Rule is one rule that modules are held to.
type Rule struct {
	// Name is the word that a Refusal has for it.
	Name string `json:"name"`
	// Most is the largest number that is accepted; 0 when the rule is about no number.
	Most int64 `json:"most,omitempty"`
	// What is bounded, or what breaks the rule.
	What string `json:"what"`
	// Advice says what to do about a module that breaks it.
	Advice string `json:"advice"`
}

// Import is one imported function.
type Import struct {
	Module string `json:"module"`
	Name   string `json:"name"`
}

// RuleBusy is the rule of a refusal that is not about the module: it may be
// uploaded again in a while.
const RuleBusy = "compile_busy"

// Refusal is why a module is not accepted, for the person who built it.
type Refusal struct {
	// Rule is a stable word for the rule, for example "unknown_import".
	Rule string `json:"rule"`
	// Problem says what is wrong, and where.
	Problem string `json:"problem"`
	// Advice says what to do about it.
	Advice string `json:"advice,omitempty"`
}

// Error returns the rule, the problem and the advice in one sentence or two.
func (r *Refusal) Error() string {
	if r.Advice == "" {
		return fmt.Sprintf("%s: %s", r.Rule, r.Problem)
	}
	return fmt.Sprintf("%s: %s; %s", r.Rule, r.Problem, r.Advice)
}
