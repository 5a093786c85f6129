package badgerdb_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/carrelhq/carrel/internal/cputime"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/badgerdb"
)

// BenchmarkDurable compares durable updates of this package with Badger's own
// SyncWrites on the same disk. They take short turns, and the ratio is the median
// of the turns' ratios, so that what else the disk does falls on both.
func BenchmarkDurable(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			ours := open(b, badgerdb.Options{})
			theirs, err := badger.Open(badger.DefaultOptions(b.TempDir()).WithSyncWrites(true).WithLogger(nil))
			if err != nil {
				b.Fatal(err)
			}
			defer theirs.Close()
			var our, their, ratio []float64
			for b.Loop() {
				for range 31 {
					our = append(our, updatesPerSecond(b, writers, durableUpdate(ours)))
					their = append(their, updatesPerSecond(b, writers, syncedUpdate(theirs)))
					ratio = append(ratio, our[len(our)-1]/their[len(their)-1])
				}
			}
			b.ReportMetric(median(our), "carrel/s")
			b.ReportMetric(median(their), "badger/s")
			b.ReportMetric(median(ratio), "ratio")
			b.ReportMetric(0, "ns/op")
		})
	}
}

const keysPerUpdate = 4

func durableUpdate(db storage.DB) func(key func(int) []byte, value []byte) error {
	return func(key func(int) []byte, value []byte) error {
		return db.Update(context.Background(), func(tx storage.Tx) error {
			for i := range keysPerUpdate {
				if err := tx.Set(key(i), value); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func syncedUpdate(db *badger.DB) func(key func(int) []byte, value []byte) error {
	return func(key func(int) []byte, value []byte) error {
		return db.Update(func(tx *badger.Txn) error {
			for i := range keysPerUpdate {
				if err := tx.Set(key(i), value); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// updatesPerSecond writes for a moment from so many goroutines.
func updatesPerSecond(b *testing.B, writers int, write func(key func(int) []byte, value []byte) error) float64 {
	var n atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	value := make([]byte, 300)
	for w := range writers {
		wg.Go(func() {
			for i := 0; time.Since(start) < 80*time.Millisecond; i++ {
				key := func(k int) []byte {
					key := binary.BigEndian.AppendUint64(nil, uint64(w))
					return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(key, uint64(i)), uint32(k))
				}
				if err := write(key, value); err != nil {
					b.Error(err)
					return
				}
				n.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(n.Load()) / time.Since(start).Seconds()
}

// BenchmarkTask is the storage work of one small task: two updates of ten keys
// that share a sync, and a view, from many goroutines.
func BenchmarkTask(b *testing.B) {
	db := open(b, badgerdb.Options{})
	ctx := context.Background()
	value := bytes.Repeat([]byte("v"), 300)
	var id atomic.Uint64
	b.SetParallelism(32)
	b.ReportAllocs()
	before := cputime.Used()
	defer func() { b.ReportMetric(float64((cputime.Used()-before).Microseconds())/float64(b.N), "cpu-µs/op") }()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			base := storage.NewKey("task").Uint(id.Add(1) * 0x9E3779B97F4A7C15)
			write := func(from int) func(tx storage.Tx) error {
				return func(tx storage.Tx) error {
					for i := range 4 {
						if _, err := tx.Get(base.Uint(uint64(i))); err != nil && err != storage.ErrNotFound {
							return err
						}
					}
					for i := range 9 {
						if err := tx.Set(base.Uint(uint64(from+i)), value); err != nil {
							return err
						}
					}
					return tx.Add([]byte("count"), 1)
				}
			}
			read := func(tx storage.Tx) error {
				for range tx.Scan(base, nil) {
				}
				_, err := tx.Get(base.Uint(1))
				return err
			}
			wait, err := db.UpdateLater(ctx, write(0))
			if err != nil {
				b.Error(err)
				return
			}
			for _, step := range []error{db.Update(ctx, write(10)), wait(), db.View(ctx, read)} {
				if step != nil {
					b.Error(step)
				}
			}
		}
	})
}
