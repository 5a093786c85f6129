package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/host"
)

// call makes the one call of a clean instance: what a plug-in keeps beyond its
// own memory begins with it and ends with it. failed is what the plug-in says
// went wrong.
func (p plugin) call(ctx context.Context, in *instance, name string, input []byte, most uint64) (output []byte, failed *abi.Error, err error) {
	if in.kernel, err = newKernel(in, input); err != nil {
		return nil, nil, err
	}
	defer func() {
		in.kernel.close()
		in.kernel = nil
	}()
	if err := p.begin(ctx, in, name); err != nil {
		return nil, nil, err
	}
	code, err := in.callForCode(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	if failed = in.kernel.failed(name, code); failed != nil {
		return nil, failed, nil
	}
	output, err = in.kernel.answer(name, most)
	return output, nil, err
}

// begin initializes the language's runtime. A program does that by itself.
func (plugin) begin(ctx context.Context, in *instance, name string) error {
	if name == exportProgram {
		return nil
	}
	first := abi.ExportInitialize
	if in.function(first) == nil {
		first = exportConstructors
	}
	if err := in.call(ctx, first); err != nil {
		return err
	}
	return in.call(ctx, exportHaskell, 0, 0)
}

// callForCode calls an exported function, and returns 0 if it has no result, or
// ended as programs do.
func (in *instance) callForCode(ctx context.Context, name string) (int32, error) {
	code, err := in.ask(ctx, name)
	if exit := (*exited)(nil); errors.As(err, &exit) && exit.code == 0 {
		return 0, nil
	}
	return int32(code), err
}

// failed is the error that the plug-in set, or the one that its result stands for.
func (k *kernel) failed(name string, code int32) *abi.Error {
	switch {
	case k.failure != 0:
		return &abi.Error{Code: abi.Invalid, Message: k.failureText}
	case code != 0:
		return &abi.Error{Code: abi.Invalid, Message: fmt.Sprintf("%s returned %d and no error", name, code)}
	}
	return nil
}

// answer copies the output.
func (k *kernel) answer(name string, most uint64) ([]byte, error) {
	switch {
	case k.output.length == 0:
		return nil, fmt.Errorf("%w: %s answered nothing", ErrTrap, name)
	case k.output.length > most:
		return nil, fmt.Errorf("%w: %s answered %d bytes; %d are the most", host.ErrGuest, name, k.output.length, most)
	}
	view, ok := k.view(k.output.offset, k.output.length)
	if !ok {
		return nil, fmt.Errorf("%w: %s answered with %d bytes at %d, which is outside its blocks", host.ErrGuest, name, k.output.length, k.output.offset)
	}
	return bytes.Clone(view), nil
}
