package carrel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ensureOperator makes the operator's key on the first start, keeps its token in
// the data folder, and hands it to the embedder this once.
func (s *Server) ensureOperator(ctx context.Context) error {
	token, err := s.keys.EnsureOperator(ctx)
	if err != nil || token == "" {
		return err
	}
	if s.opts.DataDir != "" {
		if err := writeOperatorKey(s.opts.DataDir, token); err != nil {
			return fmt.Errorf("keep the operator's key: %w", err)
		}
	}
	if s.opts.OnOperatorToken != nil {
		s.opts.OnOperatorToken(token)
	}
	return nil
}

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
	return os.Rename(f.Name(), filepath.Join(dataDir, OperatorKeyFile))
}

// OperatorToken reads the operator's token that a server left in its data
// folder; fs.ErrNotExist when there is none.
func OperatorToken(dataDir string) (string, error) {
	token, err := os.ReadFile(filepath.Join(dataDir, OperatorKeyFile))
	return strings.TrimSpace(string(token)), err
}
