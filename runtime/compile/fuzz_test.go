package compile

import (
	"bufio"
	"bytes"
	"testing"
)

func FuzzReadJob(f *testing.F) {
	f.Add([]byte(`{"dir":"/x","moduleSize":8,"limits":{"time":1,"memoryBytes":1,"codeBytes":1}}` + "\n"))
	f.Add([]byte("{}\n"))
	f.Add(bytes.Repeat([]byte("x"), 1<<13))
	f.Fuzz(func(t *testing.T, data []byte) {
		if j, err := readJob(bufio.NewReader(bytes.NewReader(data))); err == nil && (j.Dir == "" || j.ModuleSize < 0 || j.ModuleSize > maxModule) {
			t.Errorf("%q is the job %+v", data, j)
		}
	})
}
