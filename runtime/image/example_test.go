package image_test

import (
	"fmt"
	"log"

	"github.com/carrelhq/carrel/runtime/image"
)

// A first instance is prepared, and its content becomes an image that the memories
// of all others share.
func Example() {
	first, err := image.NewMemory(1<<20, nil)
	if err != nil {
		log.Fatal(err)
	}
	content := first.Reallocate(64 << 10) // what an engine calls
	copy(content, "ready")
	img, err := image.New(content, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer img.Release()
	first.Free()

	sandbox, err := image.NewMemory(1<<20, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer sandbox.Free()
	if err := sandbox.Map(img); err != nil {
		log.Fatal(err)
	}
	bytes := sandbox.Reallocate(64 << 10)
	copy(bytes, "dirty")
	if _, err := sandbox.Reset(); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", bytes[:5])
	// Output: ready
}
