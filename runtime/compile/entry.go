package compile

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// An entry is a folder with the mode 0700 and the key as its name. In it is what
// the engine writes, a folder named for its version with one file of code, and
// the MAC over the entry's key and that file's name and content.
const macFile = "mac"

// check returns the code of an entry, opened, when nobody but us can have made
// it; errMiss when there is no entry.
func (c *Cache) check(key string) (_ *os.File, err error) {
	dir := filepath.Join(c.dir, key)
	if err := isOwn(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, errMiss
	} else if err != nil {
		return nil, err
	}
	if err := hasOnly(dir, macFile, c.version); err != nil {
		return nil, err
	}
	want, err := readOwn(filepath.Join(dir, macFile), sha256.Size)
	if err != nil {
		return nil, err
	}
	code, err := c.openCode(dir)
	if err != nil {
		return nil, err
	}
	have, err := c.mac(key, code)
	if err == nil && !hmac.Equal(have, want) {
		err = errors.New("its MAC is wrong: somebody else has written or changed it")
	}
	if err != nil {
		return nil, errors.Join(err, code.Close())
	}
	return code, nil
}

// openCode opens the one file of code below dir.
func (c *Cache) openCode(dir string) (*os.File, error) {
	folder := filepath.Join(dir, c.version)
	if err := isOwn(folder); err != nil {
		return nil, err
	}
	name, err := onlyName(folder)
	if err != nil {
		return nil, err
	}
	code, err := openOwn(filepath.Join(folder, name))
	if err != nil {
		return nil, err
	}
	if info, err := code.Stat(); err != nil || info.Size() > c.opts.Limits.CodeBytes {
		return nil, errors.Join(fmt.Errorf("more than %d bytes of code", c.opts.Limits.CodeBytes), err, code.Close())
	}
	return code, nil
}

// mac authenticates a file of code as that of the key.
func (c *Cache) mac(key string, code *os.File) ([]byte, error) {
	h := hmac.New(sha256.New, c.secret)
	fmt.Fprintf(h, "carrel compiled code 1\x00%s\x00%s\x00%s\x00", key, c.version, filepath.Base(code.Name()))
	if _, err := io.Copy(h, code); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

// publish makes an entry of a folder that a compilation wrote and that nobody
// writes any more, by giving it its MAC and its name. It is on the disk then.
func (c *Cache) publish(dir, key string) error {
	if err := hasOnly(dir, c.version); err != nil {
		return fmt.Errorf("the compile command is of another version: %w", err)
	}
	code, err := c.openCode(dir)
	if err != nil {
		return err
	}
	defer code.Close()
	mac, err := c.mac(key, code)
	if err != nil {
		return err
	}
	if err := writeNew(filepath.Join(dir, macFile), mac); err != nil {
		return err
	}
	if err := errors.Join(code.Sync(), syncDir(filepath.Dir(code.Name())), syncDir(dir)); err != nil {
		return err
	}
	if err := c.name(dir, key); err != nil {
		return err
	}
	c.makeRoom(key)
	return syncDir(c.dir)
}

// name gives an entry its name, unless another process has published the same
// meanwhile: then that one stays, which is as good and may be in use.
func (c *Cache) name(dir, key string) error {
	switch err := c.verify(key); {
	case err == nil:
		return nil
	case !errors.Is(err, errMiss):
		if err := c.remove(key); err != nil {
			return err
		}
	}
	err := os.Rename(dir, filepath.Join(c.dir, key))
	if errors.Is(err, fs.ErrExist) {
		err = c.verify(key)
	}
	return err
}

// verify is check for who does not open the code.
func (c *Cache) verify(key string) error {
	code, err := c.check(key)
	if err != nil {
		return err
	}
	return code.Close()
}
