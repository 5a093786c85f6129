package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/carrelhq/carrel/storage"
)

type txFunc = func(storage.Tx) error

// faultyDB is the reference store with something broken on the way in.
type faultyDB struct {
	storage.DB
	view, update, later func(ctx context.Context, db storage.DB, fn txFunc) error
	tx                  func(storage.Tx) storage.Tx
	close               func(storage.DB) error
}

func (f *faultyDB) wrap(fn txFunc) txFunc {
	if f.tx == nil {
		return fn
	}
	return func(tx storage.Tx) error { return fn(f.tx(tx)) }
}

func (f *faultyDB) View(ctx context.Context, fn txFunc) error {
	if f.view != nil {
		return f.view(ctx, f.DB, f.wrap(fn))
	}
	return f.DB.View(ctx, f.wrap(fn))
}

func (f *faultyDB) Update(ctx context.Context, fn txFunc) error {
	if f.update != nil {
		return f.update(ctx, f.DB, f.wrap(fn))
	}
	return f.DB.Update(ctx, f.wrap(fn))
}

func (f *faultyDB) UpdateLater(ctx context.Context, fn txFunc) (func() error, error) {
	err := error(nil)
	if f.later != nil {
		err = f.later(ctx, f.DB, f.wrap(fn))
	} else {
		err = f.Update(ctx, fn)
	}
	return func() error { return nil }, err
}

func (f *faultyDB) Close() error {
	if f.close != nil {
		return f.close(f.DB)
	}
	return f.DB.Close()
}

// faultyTx is a transaction with single methods replaced.
type faultyTx struct {
	storage.Tx
	get    func(key []byte) ([]byte, error)
	set    func(key, value []byte) error
	delete func(key []byte) error
	add    func(key []byte, delta int64) error
	scan   func(prefix, after []byte) iter.Seq2[storage.Item, error]
}

func (f faultyTx) Get(key []byte) ([]byte, error) {
	if f.get != nil {
		return f.get(key)
	}
	return f.Tx.Get(key)
}

func (f faultyTx) Set(key, value []byte) error {
	if f.set != nil {
		return f.set(key, value)
	}
	return f.Tx.Set(key, value)
}

func (f faultyTx) Delete(key []byte) error {
	if f.delete != nil {
		return f.delete(key)
	}
	return f.Tx.Delete(key)
}

func (f faultyTx) Add(key []byte, delta int64) error {
	if f.add != nil {
		return f.add(key, delta)
	}
	return f.Tx.Add(key, delta)
}

func (f faultyTx) Scan(prefix, after []byte) iter.Seq2[storage.Item, error] {
	if f.scan != nil {
		return f.scan(prefix, after)
	}
	return f.Tx.Scan(prefix, after)
}

// fault is a way to get the contract wrong, and the behaviours that must notice.
type fault struct {
	name   string
	seen   []string
	broken func() *faultyDB
}

func txFault(broken func(tx storage.Tx) storage.Tx) func() *faultyDB {
	return func() *faultyDB { return &faultyDB{tx: broken} }
}

func faults() []fault {
	return []fault{
		{"a failed update leaves its writes", []string{"a failed update leaves nothing and returns its error unchanged"}, leavesWrites},
		{"errors are wrapped", []string{"a failed update leaves nothing and returns its error unchanged"}, func() *faultyDB {
			return &faultyDB{update: func(ctx context.Context, db storage.DB, fn txFunc) error {
				if err := db.Update(ctx, fn); err != nil {
					return fmt.Errorf("update: %w", err)
				}
				return nil
			}}
		}},
		{"the prefix of a scope is dropped", []string{"a scope adds its prefix and takes it away", "a scope does not reach its neighbours"}, txFault(dropsScope)},
		{"adds are lost when concurrent", []string{"concurrent adds lose nothing"}, func() *faultyDB {
			return &faultyDB{update: onStale(func(tx storage.Tx, stale map[string][]byte) storage.Tx {
				return faultyTx{Tx: tx, add: func(key []byte, delta int64) error {
					n, _ := storage.DecodeCounter(stale[string(key)])
					return tx.Set(key, storage.EncodeCounter(n+delta))
				}}
			})}
		}},
		{"updates read a stale snapshot", []string{"concurrent increments lose nothing", "updates that read what others write do not cross"}, func() *faultyDB {
			return &faultyDB{update: onStale(func(tx storage.Tx, stale map[string][]byte) storage.Tx {
				return faultyTx{Tx: tx, get: func(key []byte) ([]byte, error) {
					if value, ok := stale[string(key)]; ok {
						return value, nil
					}
					return nil, storage.ErrNotFound
				}}
			})}
		}},
		{"an update is blind to its own writes", []string{"an update sees its own writes", "an update with many writes sees each of them"}, func() *faultyDB {
			return &faultyDB{update: onStale(func(tx storage.Tx, stale map[string][]byte) storage.Tx {
				return faultyTx{Tx: tx, get: func(key []byte) ([]byte, error) { return stale[string(key)], nil }}
			})}
		}},
		{"a scan is blind to its own update", []string{"a scan sees the writes of its own update", "a scan sees older, later and own writes as one"}, func() *faultyDB {
			return &faultyDB{update: onStale(func(tx storage.Tx, stale map[string][]byte) storage.Tx {
				return faultyTx{Tx: tx, scan: func(prefix, after []byte) iter.Seq2[storage.Item, error] {
					return scanMap(stale, prefix, after)
				}}
			})}
		}},
		{"a scan includes the key it starts after", []string{"a scan starts after the key it is given", "pages of a scan show every key once"}, txFault(includesAfter)},
		{"a scan ignores where to start", []string{"a scan starts after the key it is given", "pages of a scan show every key once"}, txFault(func(tx storage.Tx) storage.Tx {
			return faultyTx{Tx: tx, scan: func(prefix, _ []byte) iter.Seq2[storage.Item, error] { return tx.Scan(prefix, nil) }}
		})},
		{"a scan runs over the end of its prefix", []string{"a scan yields a prefix in byte order"}, txFault(func(tx storage.Tx) storage.Tx {
			return faultyTx{Tx: tx, scan: func(prefix, after []byte) iter.Seq2[storage.Item, error] {
				return func(yield func(storage.Item, error) bool) {
					for item, err := range tx.Scan(nil, after) {
						if bytes.Compare(item.Key, prefix) >= 0 && !yield(item, err) {
							return
						}
					}
				}
			}}
		})},
		{"a scan is not in order", []string{"a scan yields a prefix in byte order"}, txFault(backwards)},
		{"later updates are reordered", []string{"updates and later updates keep their order", "a later update is seen by updates at once, by views after the wait"}, reorders},
		{"some later updates are dropped", []string{"concurrent adds lose nothing", "updates and later updates keep their order"}, dropsSome},
		{"a view sees later writes", []string{"a view sees one state to its end"}, func() *faultyDB {
			return &faultyDB{view: func(ctx context.Context, db storage.DB, fn txFunc) error {
				return db.View(ctx, func(tx storage.Tx) error {
					return fn(faultyTx{Tx: tx, get: func(key []byte) (value []byte, err error) {
						err = db.View(ctx, func(tx storage.Tx) error {
							value, err = tx.Get(key)
							return err
						})
						return value, err
					}})
				})
			}}
		}},
		{"a view lags behind", []string{"an update is seen by the view after it", "a view sees every update that returned before it"}, lags},
		{"updates are torn", []string{"a view sees an update whole or not at all"}, tears},
		{"a write inside a view is swallowed", []string{"a write inside a view is refused"}, func() *faultyDB {
			return &faultyDB{view: func(ctx context.Context, db storage.DB, fn txFunc) error {
				return db.View(ctx, func(tx storage.Tx) error {
					return fn(faultyTx{Tx: tx, set: func(_, _ []byte) error { return nil }, delete: func([]byte) error { return nil }})
				})
			}}
		}},
		{"large values are cut", []string{"above the limits is ErrTooLarge and leaves nothing"}, txFault(func(tx storage.Tx) storage.Tx {
			return faultyTx{Tx: tx, set: func(key, value []byte) error {
				return tx.Set(key[:min(len(key), storage.MaxKey)], value[:min(len(value), storage.MaxValue)])
			}}
		})},
		{"limits are too low", []string{"an update at the limits fits"}, txFault(func(tx storage.Tx) storage.Tx {
			return faultyTx{Tx: tx, set: func(key, value []byte) error {
				if len(value) >= storage.MaxValue {
					return storage.ErrTooLarge
				}
				return tx.Set(key, value)
			}}
		})},
		{"an ignored ErrTooLarge commits the rest", []string{"above the limits is ErrTooLarge and leaves nothing"}, commitsRest},
		{"an empty value is no value", []string{"an empty value is a value"}, txFault(func(tx storage.Tx) storage.Tx {
			return faultyTx{Tx: tx, set: func(key, value []byte) error {
				if len(value) == 0 {
					return tx.Delete(key)
				}
				return tx.Set(key, value)
			}}
		})},
		{"values handed out are reused", []string{"values handed out stay as they are"}, reuses},
		{"an ended context is ignored", []string{"an update whose context has ended does nothing"}, func() *faultyDB {
			return &faultyDB{update: func(ctx context.Context, db storage.DB, fn txFunc) error {
				return db.Update(context.WithoutCancel(ctx), fn)
			}}
		}},
		{"a panic commits", []string{"a panic in a transaction reaches the caller and leaves nothing"}, panicCommits},
		{"nested calls succeed silently", []string{"a nested call is refused"}, func() *faultyDB {
			swallow := func(err error) error {
				if errors.Is(err, storage.ErrNested) {
					return nil
				}
				return err
			}
			return &faultyDB{
				view:   func(ctx context.Context, db storage.DB, fn txFunc) error { return swallow(db.View(ctx, fn)) },
				update: func(ctx context.Context, db storage.DB, fn txFunc) error { return swallow(db.Update(ctx, fn)) },
			}
		}},
		{"Close leaves the store open", []string{"after Close every call is ErrClosed"}, func() *faultyDB {
			return &faultyDB{close: func(storage.DB) error { return nil }}
		}},
		{"a second Close fails", []string{"after Close every call is ErrClosed"}, func() *faultyDB {
			var closed atomic.Bool
			return &faultyDB{close: func(db storage.DB) error {
				if closed.Swap(true) {
					return storage.ErrClosed
				}
				return db.Close()
			}}
		}},
	}
}

func TestEveryFaultIsNoticed(t *testing.T) {
	t.Parallel()
	checks := map[string]behaviour{}
	for _, b := range behaviours() {
		checks[b.name] = b
	}
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			for _, name := range f.seen {
				check, ok := checks[name]
				if !ok {
					t.Fatalf("there is no behaviour %q", name)
				}
				db := f.broken()
				db.DB = Memory()
				if said := record(t, check, db); said == "" {
					t.Errorf("%q passes although %s", name, f.name)
				} else {
					t.Logf("%q says: %.200s", name, said)
				}
			}
		})
	}
}

func TestARecordedCheckOfTheReferenceSaysNothing(t *testing.T) {
	t.Parallel()
	for _, b := range behaviours() {
		if said := record(t, b, Memory()); said != "" {
			t.Errorf("%q says: %s", b.name, said)
		}
	}
}

// recorder is a tb that keeps what it is told instead of failing.
type recorder struct {
	*testing.T
	mu   sync.Mutex
	said string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said += fmt.Sprintf(format, args...) + "\n"
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func record(t *testing.T, b behaviour, db storage.DB) string {
	r := &recorder{T: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.check(r, db)
	}()
	<-done
	return r.said
}

func leavesWrites() *faultyDB {
	return &faultyDB{update: func(ctx context.Context, db storage.DB, fn txFunc) (err error) {
		if outer := db.Update(ctx, func(tx storage.Tx) error {
			err = fn(tx)
			return nil
		}); outer != nil {
			return outer
		}
		return err
	}}
}

func dropsScope(tx storage.Tx) storage.Tx {
	strip := func(key []byte) []byte {
		for _, end := range []string{"/", "\x00\x00"} {
			if i := bytes.LastIndex(key, []byte(end)); i >= 0 {
				key = key[i+len(end):]
			}
		}
		return key
	}
	return faultyTx{
		Tx:     tx,
		get:    func(key []byte) ([]byte, error) { return tx.Get(strip(key)) },
		set:    func(key, value []byte) error { return tx.Set(strip(key), value) },
		delete: func(key []byte) error { return tx.Delete(strip(key)) },
		add:    func(key []byte, delta int64) error { return tx.Add(strip(key), delta) },
		scan: func(prefix, after []byte) iter.Seq2[storage.Item, error] {
			return func(yield func(storage.Item, error) bool) {
				lost := len(prefix) - len(strip(prefix))
				if after != nil {
					after = strip(after)
				}
				for item, err := range tx.Scan(strip(prefix), after) {
					item.Key = append(bytes.Clone(prefix[:lost]), item.Key...)
					if !yield(item, err) {
						return
					}
				}
			}
		},
	}
}

// onStale runs updates that see, where tx lets them, the store as it was a while before.
func onStale(tx func(storage.Tx, map[string][]byte) storage.Tx) func(context.Context, storage.DB, txFunc) error {
	return func(ctx context.Context, db storage.DB, fn txFunc) error {
		stale := map[string][]byte{}
		if err := db.View(ctx, func(tx storage.Tx) error {
			for item := range tx.Scan(nil, nil) {
				stale[string(item.Key)] = item.Value
			}
			return nil
		}); err != nil {
			return err
		}
		for range 100 {
			runtime.Gosched()
		}
		return db.Update(ctx, func(inner storage.Tx) error { return fn(tx(inner, stale)) })
	}
}

func scanMap(items map[string][]byte, prefix, after []byte) iter.Seq2[storage.Item, error] {
	return func(yield func(storage.Item, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(items)) {
			if bytes.HasPrefix([]byte(key), prefix) && (after == nil || key > string(after)) {
				if !yield(storage.Item{Key: []byte(key), Value: items[key]}, nil) {
					return
				}
			}
		}
	}
}

func includesAfter(tx storage.Tx) storage.Tx {
	return faultyTx{Tx: tx, scan: func(prefix, after []byte) iter.Seq2[storage.Item, error] {
		return func(yield func(storage.Item, error) bool) {
			if after != nil && bytes.HasPrefix(after, prefix) {
				if value, err := tx.Get(after); err == nil && !yield(storage.Item{Key: after, Value: value}, nil) {
					return
				}
			}
			tx.Scan(prefix, after)(yield)
		}
	}}
}

func backwards(tx storage.Tx) storage.Tx {
	return faultyTx{Tx: tx, scan: func(prefix, after []byte) iter.Seq2[storage.Item, error] {
		return func(yield func(storage.Item, error) bool) {
			var items []storage.Item
			for item := range tx.Scan(prefix, after) {
				items = append(items, item)
			}
			for _, item := range slices.Backward(items) {
				if !yield(item, nil) {
					return
				}
			}
		}
	}}
}

// reorders runs later updates after the Update that follows them.
func reorders() *faultyDB {
	var waiting []txFunc
	return &faultyDB{
		later: func(_ context.Context, _ storage.DB, fn txFunc) error {
			waiting = append(waiting, fn)
			return nil
		},
		update: func(ctx context.Context, db storage.DB, fn txFunc) error {
			err := db.Update(ctx, fn)
			for _, late := range waiting {
				err = errors.Join(err, db.Update(ctx, late))
			}
			waiting = nil
			return err
		},
	}
}

func dropsSome() *faultyDB {
	var n atomic.Int64
	return &faultyDB{later: func(ctx context.Context, db storage.DB, fn txFunc) error {
		if n.Add(1)%10 == 0 {
			return nil
		}
		return db.Update(ctx, fn)
	}}
}

// lags shows every view the store before the last update.
func lags() *faultyDB {
	var mu sync.Mutex
	now, before := map[string][]byte{}, map[string][]byte{}
	return &faultyDB{
		update: func(ctx context.Context, db storage.DB, fn txFunc) error {
			mu.Lock()
			defer mu.Unlock()
			err := db.Update(ctx, fn)
			before, now = now, map[string][]byte{}
			_ = db.View(ctx, func(tx storage.Tx) error {
				for item := range tx.Scan(nil, nil) {
					now[string(item.Key)] = item.Value
				}
				return nil
			})
			return err
		},
		view: func(ctx context.Context, db storage.DB, fn txFunc) error {
			mu.Lock()
			past := before
			mu.Unlock()
			return db.View(ctx, func(tx storage.Tx) error {
				return fn(faultyTx{Tx: tx, get: func(key []byte) ([]byte, error) {
					if value, ok := past[string(key)]; ok {
						return value, nil
					}
					return nil, storage.ErrNotFound
				}})
			})
		},
	}
}

// tears commits every write by itself.
func tears() *faultyDB {
	return &faultyDB{update: func(ctx context.Context, db storage.DB, fn txFunc) error {
		var writes []storage.Item
		err := db.View(ctx, func(tx storage.Tx) error {
			return fn(faultyTx{Tx: tx, set: func(key, value []byte) error {
				writes = append(writes, storage.Item{Key: key, Value: value})
				return nil
			}})
		})
		for _, w := range writes {
			err = errors.Join(err, db.Update(ctx, func(tx storage.Tx) error { return tx.Set(w.Key, w.Value) }))
			for range 10 {
				runtime.Gosched()
			}
		}
		return err
	}}
}

func commitsRest() *faultyDB {
	return &faultyDB{tx: func(tx storage.Tx) storage.Tx {
		full := false
		size := 0
		return faultyTx{Tx: tx, set: func(key, value []byte) error {
			size += len(key) + len(value)
			full = full || len(key) > storage.MaxKey || len(value) > storage.MaxValue || size > storage.MaxUpdateBytes
			if full {
				return storage.ErrTooLarge
			}
			return tx.Set(key, value)
		}}
	}}
}

// reuses hands every value out in the same buffer.
func reuses() *faultyDB {
	var buffer [1 << 20]byte
	return &faultyDB{tx: func(tx storage.Tx) storage.Tx {
		return faultyTx{Tx: tx, get: func(key []byte) ([]byte, error) {
			value, err := tx.Get(key)
			return buffer[:copy(buffer[:], value)], err
		}}
	}}
}

func panicCommits() *faultyDB {
	return &faultyDB{update: func(ctx context.Context, db storage.DB, fn txFunc) error {
		var panicked any
		err := db.Update(ctx, func(tx storage.Tx) error {
			defer func() { panicked = recover() }()
			return fn(tx)
		})
		if panicked != nil {
			panic(panicked)
		}
		return err
	}}
}
