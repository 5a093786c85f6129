package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/carrelhq/carrel"
)

const backupPath = "/api/v1/backup"

func newBackupCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "backup FILE",
		GroupID: groupServe,
		Short:   "Copy the store of a server, running or not, to a file",
		Long: `Copy the store to a file, which appears when it is complete. A server that has the
data folder open, or that --server names, is asked for the copy and goes on serving
meanwhile; otherwise the store is opened.

The file holds everything the server knows of its tenants: keep it as you keep the
data folder. The operator's key itself is not in it.`,
		Example: "  carrel backup carrel.backup\n  carrel backup restore carrel.backup ./new-data",
		Args:    asUsed,
	}
	c := p.addClient(cmd)
	cmd.RunE = c.resolved(func(ctx context.Context, args []string) error {
		source := c.backupServer
		if !cmd.Flags().Changed("server") && p.getenv("CARREL_SERVER") == "" {
			source = c.backupFolder
		}
		size, err := writeWhole(args[0], func(w io.Writer) error { return source(ctx, w) })
		if err != nil {
			return err
		}
		out := map[string]any{"file": args[0], "bytes": size}
		return c.print(out, func() { fmt.Fprintf(c.stdout, "%s holds %d bytes\n", args[0], size) })
	})
	cmd.AddCommand(newRestoreCommand(p))
	return cmd
}

func newRestoreCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "restore FILE DIR",
		Short:   "Make a new data folder from a backup",
		Long:    "Make a new data folder from a backup. A folder that holds a store already is refused.",
		Example: "  carrel backup restore carrel.backup ./new-data && carrel serve --data ./new-data",
		Args:    asUsed,
	}
	out := p.addOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer f.Close()
		if err := carrel.Restore(cmd.Context(), args[1], f); err != nil {
			return err
		}
		return out.print(map[string]string{"data": args[1]}, func() { fmt.Fprintf(p.stdout, "%s is restored\n", args[1]) })
	}
	return cmd
}

// backupFolder copies the store in the data folder, through the server that has it open if one has.
func (c *client) backupFolder(ctx context.Context, w io.Writer) error {
	err := carrel.Backup(ctx, c.data, w)
	if errors.Is(err, carrel.ErrDataInUse) {
		return c.backupServer(ctx, w)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s holds no store; name a data folder with --data, or a server with --server", c.data)
	}
	return err
}

func (c *client) backupServer(ctx context.Context, w io.Writer) error {
	resp, err := c.do(ctx, http.MethodGet, backupPath, "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(w, resp.Body)
	return err
}

// writeWhole writes a file that is there under its name only when it is complete.
func writeWhole(name string, write func(io.Writer) error) (size int64, err error) {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+"-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	err = write(f)
	size, seekErr := f.Seek(0, io.SeekEnd)
	if err = errors.Join(err, seekErr, f.Sync(), f.Close()); err != nil {
		return 0, err
	}
	return size, os.Rename(f.Name(), name)
}
