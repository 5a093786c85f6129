package storagetest

import (
	"testing"

	"github.com/carrelhq/carrel/storage"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	t.Parallel()
	Run(t, func(*testing.T) storage.DB { return Memory() })
}
