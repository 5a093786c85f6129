package runtime

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"testing"

	"github.com/carrelhq/carrel/host"
	"github.com/carrelhq/carrel/runtime/rewrite"
)

// outcome is all that can be seen of a run: what it answers, and what it leaves.
type outcome struct {
	reply, err string
	pages      uint32 // of memory; 0 when there was no sandbox to run in
	memory     uint64 // a hash
	globals    string
	fuel       int64
	dirty      bool
}

// String returns it with a hash of its reply.
func (o outcome) String() string {
	return fmt.Sprintf("%q, reply %x, memory %d pages %x, globals %s, fuel %d, dirty %t",
		o.err, maphash.String(hashSeed, o.reply), o.pages, o.memory, o.globals, o.fuel, o.dirty)
}

var hashSeed = maphash.MakeSeed()

// observe runs a sandbox and gives it back.
func observe(t testing.TB, s *Sandbox, request []byte) (o outcome) {
	t.Helper()
	defer s.Release()
	in := s.instance
	session := host.NewSession(t.Context(), &fakeTasks{}, host.Options{})
	defer session.End()
	reply, err := s.Run(budget{t.Context(), in}, request, session)
	o = outcome{reply: string(reply), fuel: in.used(), dirty: in.dirty.Get() != 0}
	if err != nil {
		o.err = err.Error()
	}
	memory := in.module.Memory()
	o.pages = memory.Size() / pageSize
	content, _ := memory.Read(0, memory.Size())
	o.memory = maphash.Bytes(hashSeed, content)
	o.globals = fmt.Sprintf("%x", globals(t, in))
	return o
}

// globals are the module's mutable globals. What a reset makes of them stays as it is.
func globals(t testing.TB, in *instance) (values []uint64) {
	t.Helper()
	kept := make([]uint64, len(in.saved))
	for i, g := range in.saved {
		kept[i] = g.Get()
	}
	if err := in.call(t.Context(), rewrite.Save); err != nil {
		t.Fatal(err)
	}
	for i, g := range in.saved {
		values = append(values, g.Get())
		g.Set(kept[i])
	}
	return values
}

// budget is a context that ends by what an instance has spent, so that a run ends
// at the same instruction each time.
type budget struct {
	context.Context
	of *instance
}

const mostFuel = 2 * quantum

var errFuel = errors.New("out of fuel")

// Err is asked at every whole quantum, however the fuel is portioned.
func (b budget) Err() error {
	if b.of.used() > mostFuel {
		return errFuel
	}
	return b.Context.Err()
}
