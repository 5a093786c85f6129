package carrel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/carrelhq/carrel/storage/badgerdb"
	"github.com/carrelhq/carrel/tenant"
)

// ensureOperator makes the operator's key on the first start, keeps its token in
// the data folder, and hands it to the embedder this once.
func (s *Server) ensureOperator(ctx context.Context) error {
	var keep func(token string) error
	if s.opts.DataDir != "" {
		keep = func(token string) error {
			if err := writeOperatorKey(s.opts.DataDir, token); err != nil {
				return fmt.Errorf("keep the operator's key: %w", err)
			}
			return nil
		}
	}
	token, err := s.keys.EnsureOperator(ctx, keep)
	if err != nil || token == "" {
		return err
	}
	if s.opts.OnOperatorToken != nil {
		s.opts.OnOperatorToken(token)
	}
	return nil
}

// RecoverOperator makes a new operator's key in the data folder of a server that
// is not running, for when the one there was is lost: whoever can read the folder
// has all that the key opens. ErrDataInUse when a server runs.
func RecoverOperator(ctx context.Context, dataDir string) (token string, err error) {
	dir := filepath.Join(dataDir, storeDir)
	if _, err := os.Stat(dir); err != nil {
		return "", err // opening would make a store
	}
	db, err := badgerdb.Open(badgerdb.Options{Dir: dir})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, token, err = tenant.NewKeys(db).Create(ctx, tenant.KeySpec{Operator: true, Name: "recovered"})
	if err != nil {
		return "", err
	}
	return token, writeOperatorKey(dataDir, token)
}

// writeOperatorKey keeps the token in the data folder; on return it is there to stay.
func writeOperatorKey(dataDir, token string) error {
	f, err := os.CreateTemp(dataDir, OperatorKeyFile+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(token + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(dataDir, OperatorKeyFile)); err != nil {
		return err
	}
	dir, err := os.Open(dataDir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// OperatorToken reads the operator's token that a server left in its data
// folder; fs.ErrNotExist when there is none.
func OperatorToken(dataDir string) (string, error) {
	token, err := os.ReadFile(filepath.Join(dataDir, OperatorKeyFile))
	return strings.TrimSpace(string(token)), err
}
