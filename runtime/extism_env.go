package runtime

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/carrelhq/carrel/host"
)

// envFunc is a function of extism:host/env.
type envFunc struct {
	typ signature
	act func(*envCall) uint64 // the result is dropped when typ has none
}

// env makes a row of the table: parameters and result in letters, i for i32 and
// l for i64.
func env(params, result string, act func(*envCall) uint64) envFunc {
	letters := map[rune]string{'i': i32, 'l': i64}
	var typ signature
	for _, p := range params {
		typ.Params += letters[p]
	}
	for _, r := range result {
		typ.Results += letters[r]
	}
	return envFunc{typ, act}
}

// envCall is one call of such a function.
type envCall struct {
	ctx  context.Context
	in   *instance
	k    *kernel
	args []uint64
}

// envFunctions are Extism's functions, but that plug-ins reach the network and the
// author's settings by carrel's functions only. Blocks whose names these functions
// take are freed where Extism does.
var envFunctions = map[string]envFunc{
	"alloc":         env("l", "l", envAlloc),
	"free":          env("l", "", func(c *envCall) uint64 { c.k.release(c.args[0]); return 0 }),
	"length":        env("l", "l", func(c *envCall) uint64 { return c.k.blocks[c.args[0]].length }),
	"length_unsafe": env("l", "l", func(c *envCall) uint64 { return c.k.blocks[c.args[0]].length }),
	"reset":         env("", "", func(c *envCall) uint64 { c.k.reset(); return 0 }),
	"memory_bytes":  env("", "l", func(c *envCall) uint64 { return uint64(len(c.k.bytes)) }),

	"load_u8":        env("l", "i", func(c *envCall) uint64 { return c.load8(c.args[0]) }),
	"load_u64":       env("l", "l", func(c *envCall) uint64 { return c.load64(c.args[0]) }),
	"input_load_u8":  env("l", "i", func(c *envCall) uint64 { return c.load8(c.k.input.offset + c.args[0]) }),
	"input_load_u64": env("l", "l", func(c *envCall) uint64 { return c.load64(c.k.input.offset + c.args[0]) }),
	"store_u8":       env("li", "", envStore8),
	"store_u64":      env("ll", "", envStore64),

	"input_set":     env("ll", "", func(c *envCall) uint64 { c.k.input = c.span(); return 0 }),
	"input_length":  env("", "l", func(c *envCall) uint64 { return c.k.input.length }),
	"input_offset":  env("", "l", func(c *envCall) uint64 { return c.k.input.offset }),
	"output_set":    env("ll", "", func(c *envCall) uint64 { c.k.output = c.span(); return 0 }),
	"output_length": env("", "l", func(c *envCall) uint64 { return c.k.output.length }),
	"output_offset": env("", "l", func(c *envCall) uint64 { return c.k.output.offset }),
	"error_set":     env("l", "", envErrorSet),
	"error_get":     env("", "l", func(c *envCall) uint64 { return c.k.failure }),

	"config_get": env("l", "l", func(c *envCall) uint64 { c.k.content(c.args[0]); return 0 }), // there are none
	"var_get":    env("l", "l", envVarGet),
	"var_set":    env("ll", "", envVarSet),

	"http_request":     env("ll", "l", envRequest),
	"http_status_code": env("", "i", func(*envCall) uint64 { return 0 }),
	"http_headers":     env("", "l", func(*envCall) uint64 { return 0 }),

	"get_log_level": env("", "i", func(*envCall) uint64 { return 1 }), // debug
	"log_trace":     env("l", "", envLog("debug")),
	"log_debug":     env("l", "", envLog("debug")),
	"log_info":      env("l", "", envLog("info")),
	"log_warn":      env("l", "", envLog("warn")),
	"log_error":     env("l", "", envLog("error")),
}

func (c *envCall) load8(at uint64) uint64 { return uint64(c.k.access(at, 1)[0]) }

func (c *envCall) load64(at uint64) uint64 { return binary.LittleEndian.Uint64(c.k.access(at, 8)) }

func envStore8(c *envCall) uint64 {
	c.k.access(c.args[0], 1)[0] = byte(c.args[1])
	return 0
}

func envStore64(c *envCall) uint64 {
	binary.LittleEndian.PutUint64(c.k.access(c.args[0], 8), c.args[1])
	return 0
}

// span is the part of the memory that the arguments name.
func (c *envCall) span() span {
	c.k.access(c.args[0], c.args[1])
	return span{c.args[0], c.args[1]}
}

// envAlloc ends the run when it is not the plug-in that used the memory up: it
// must not see how full the server is.
func envAlloc(c *envCall) uint64 {
	at := c.k.alloc(c.args[0])
	if at == 0 {
		c.in.mayGoOn(c.ctx)
	}
	return at
}

func envErrorSet(c *envCall) uint64 {
	text := c.k.content(c.args[0])
	c.k.failure = c.args[0]
	c.k.failureText = limitTo(strings.ToValidUTF8(string(text[:min(len(text), maxFailure)]), "\uFFFD"), maxFailure)
	return 0
}

// maxFailure bounds the text of an error that a plug-in sets, in bytes.
const maxFailure = 4 << 10

// maxVariables bounds names and values of variables together, in bytes, and
// variableCost is what one takes beside them.
const (
	maxVariables = 1 << 20
	variableCost = 64
)

func envVarGet(c *envCall) uint64 {
	return c.k.give(c.k.variables[string(c.text(0))])
}

func envVarSet(c *envCall) uint64 {
	k := c.k
	name := string(c.text(0))
	if old, ok := k.variables[name]; ok {
		k.variableBytes -= len(name) + len(old) + variableCost
		delete(k.variables, name)
	}
	if c.args[1] == 0 {
		return 0
	}
	value := c.text(1)
	if k.variableBytes += len(name) + len(value) + variableCost; k.variableBytes > maxVariables {
		breakRule("its variables have more than %d bytes together", maxVariables)
	}
	k.variables[name] = append([]byte(nil), value...)
	return 0
}

// maxCopied bounds what is copied of a block at a time, in bytes.
const maxCopied = maxVariables

// text is the content of a block that an argument names, which is freed: it is
// there until the next alloc.
func (c *envCall) text(arg int) []byte {
	text := c.k.content(c.args[arg])
	if len(text) > maxCopied {
		breakRule("it passed %d bytes at once; %d are the most", len(text), maxCopied)
	}
	c.in.pay(len(text))
	c.k.release(c.args[arg])
	return text
}

func envLog(level string) func(*envCall) uint64 {
	return func(c *envCall) uint64 {
		c.in.output.line(level, string(c.text(0)))
		return 0
	}
}

// envRequest ends the run, as Extism does for a host that is not allowed.
func envRequest(c *envCall) uint64 {
	var request struct{ URL string }
	if err := json.Unmarshal(c.text(0), &request); err != nil {
		breakRule("its HTTP request cannot be read: %s", limit(err.Error()))
	}
	breakRule("HTTP request to %.200q is not allowed: plug-ins reach the network by carrel's functions only", request.URL)
	return 0
}

// errBlocks ends a plug-in that has no room for what the host gives it.
var errBlocks = fmt.Errorf("%w: it has no memory left for another block", host.ErrGuest)
