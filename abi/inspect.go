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
	// CompileMillis is how long the engine took to compile the module.
	CompileMillis int64 `json:"compileMillis"`
}

// Import is one imported function.
type Import struct {
	Module string `json:"module"`
	Name   string `json:"name"`
}

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
