package storage_test

import (
	"testing"

	"github.com/carrelhq/carrel/internal/faults"
)

func TestSeededFaultsAreNoticed(t *testing.T) {
	faults.Noticed(t, []faults.Fault{
		{
			"a blob is not held to its digest", "blobread.go",
			"if r.left == 0 && !bytes.Equal(", "if r.left < 0 && !bytes.Equal(", "TestADamagedBlobIsNotReadToItsEnd",
		},
		{
			"damage is known after the last byte only", "blobread.go",
			"	if r.digest != nil {\n", "	if r.digest != nil && r.left > 0 {\n", "TestADamagedBlobIsNotReadToItsEnd",
		},
		{
			"a blob that was kept is dropped", "blobsweep.go",
			"if err != nil || !loose {", "if err != nil || loose && !loose {", "TestABlobIsKeptByAnUpdateOrNotAtAll",
		},
		{
			"a blob that was swept is kept", "blob.go",
			"return \"\", fmt.Errorf(\"a blob that took too long", "_ = fmt.Errorf(\"a blob that took too long", "TestABlobThatIsNotKeptLeavesNothing",
		},
		{
			"a blob is read from the wrong byte", "blobread.go",
			"	if rest := offset % blobChunk; rest > 0 {", "	if rest := offset % blobChunk; rest > 1 {", "TestABlobIsReadFromAnyOffset",
		},
	})
}
