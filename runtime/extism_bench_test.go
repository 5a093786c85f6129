package runtime

import (
	"testing"

	extism "github.com/extism/go-sdk"

	"github.com/carrelhq/carrel/host"
)

// BenchmarkPluginEcho is a clean plug-in and a call of it, here and in Extism.
func BenchmarkPluginEcho(b *testing.B) {
	module, request := newExtismEcho().bytes(), []byte(`{"taskId":"x","message":{"parts":[{"text":"hello"}]}}`)
	b.Run("carrel", func(b *testing.B) {
		m := load(b, newEngine(b, Options{}), module)
		for b.Loop() {
			sandbox, err := m.Sandbox(b.Context(), "tenant")
			if err != nil {
				b.Fatal(err)
			}
			session := host.NewSession(b.Context(), &fakeTasks{}, host.Options{})
			if _, err := sandbox.Run(b.Context(), request, session); err != nil {
				b.Fatal(err)
			}
			_ = session.End()
			sandbox.Release()
		}
	})
	b.Run("go-sdk", func(b *testing.B) {
		manifest := extism.Manifest{Wasm: []extism.Wasm{extism.WasmData{Data: module}}}
		compiled, err := extism.NewCompiledPlugin(b.Context(), manifest, extism.PluginConfig{}, nil)
		if err != nil {
			b.Fatal(err)
		}
		defer compiled.Close(b.Context())
		for b.Loop() {
			p, err := compiled.Instance(b.Context(), extism.PluginInstanceConfig{})
			if err != nil {
				b.Fatal(err)
			}
			if _, _, err := p.CallWithContext(b.Context(), "run", request); err != nil {
				b.Fatal(err)
			}
			p.Close(b.Context())
		}
	})
}
