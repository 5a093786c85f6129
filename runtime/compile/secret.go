package compile

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// The secret of the MACs lies beside the entries: what can write there without
// being able to read it, for example a child under landlock or a restored
// backup of entries alone, cannot make an entry.
const (
	secretFile = "secret"
	secretSize = 32
)

// openSecret reads the secret, or makes it on the first start. One that others
// could read or write is replaced, and with it all entries.
func (c *Cache) openSecret() ([]byte, error) {
	path := filepath.Join(c.dir, secretFile)
	secret, err := readOwn(path, secretSize)
	if err == nil {
		return secret, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		c.opts.Logger.Warn("secret of the compiled code is replaced; everything is compiled anew", "reason", err)
		if err := os.RemoveAll(path); err != nil {
			return nil, err
		}
	}
	return c.makeSecret(path)
}

// makeSecret makes the secret, unless another process is faster.
func (c *Cache) makeSecret(path string) ([]byte, error) {
	dir, err := os.MkdirTemp(c.dir, newPrefix)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	secret := make([]byte, secretSize)
	_, _ = rand.Read(secret) // never fails
	made := filepath.Join(dir, secretFile)
	if err := writeNew(made, secret); err != nil {
		return nil, err
	}
	if err := os.Link(made, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := syncDir(c.dir); err != nil {
		return nil, err
	}
	return readOwn(path, secretSize)
}
