package task_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/carrelhq/carrel/storage/badgerdb"
	"github.com/carrelhq/carrel/task"
)

// BenchmarkLists reads pages of 1,000,000 tasks of one agent, whose statuses are of
// the last 30 days; 1,000 are submitted or working, and 100,000 are in one context.
// With -short there are 20,000.
func BenchmarkLists(b *testing.B) {
	n := 1_000_000
	if testing.Short() {
		n = 20_000
	}
	dir, now := b.TempDir(), time.Now().Truncate(time.Millisecond)
	withStore(b, dir, func(db *badgerdb.DB) {
		if err := task.Load(b.Context(), db, bot, n, func(i int) task.Loaded { return loaded(i, n, now) }); err != nil {
			b.Fatal(err)
		}
	})
	withStore(b, dir, func(db *badgerdb.DB) { benchLists(b, benchManager(b, db), now) })
}

func withStore(b *testing.B, dir string, fn func(*badgerdb.DB)) {
	b.Helper()
	db, err := badgerdb.Open(badgerdb.Options{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	fn(db)
}

func benchLists(b *testing.B, m *task.Manager, now time.Time) {
	for _, q := range listQueries(now) {
		b.Run(q.name, func(b *testing.B) { readPages(b, m, q.req, q.page) })
	}
}

// loaded is the i-th task of n, the oldest one first.
func loaded(i, n int, now time.Time) task.Loaded {
	l := task.Loaded{State: completed, At: now.Add(-30 * 24 * time.Hour / time.Duration(n) * time.Duration(n-i))}
	switch share := rand.IntN(1000); {
	case share < 1 && rand.IntN(2) == 0:
		l.State = submitted
	case share < 1:
		l.State = working
	case share < 18:
		l.State = inputRequired
	case share < 20:
		l.State = authRequired
	case share < 120:
		l.State = failed
	case share < 160:
		l.State = canceled
	case share < 170:
		l.State = rejected
	}
	if rand.IntN(10) == 0 {
		l.ContextID = "ctx"
	}
	return l
}

type listQuery struct {
	name string
	page int // that is measured, from 0
	req  *a2apb.ListTasksRequest
}

func listQueries(now time.Time) []listQuery {
	ago := func(d time.Duration) *timestamppb.Timestamp {
		return timestamppb.New(now.Add(-d - 1234567*time.Microsecond))
	}
	list := []listQuery{
		{"the first page", 0, &a2apb.ListTasksRequest{}},
		{"page 101", 100, &a2apb.ListTasksRequest{}},
		{"of a context", 0, &a2apb.ListTasksRequest{ContextId: "ctx"}},
		{"page 101 of a context", 100, &a2apb.ListTasksRequest{ContextId: "ctx"}},
		{"since an hour ago", 0, &a2apb.ListTasksRequest{StatusTimestampAfter: ago(time.Hour)}},
		{"since 29 days ago", 0, &a2apb.ListTasksRequest{StatusTimestampAfter: ago(29 * 24 * time.Hour)}},
		{"failed, of a context, since 15 days ago", 0, &a2apb.ListTasksRequest{Status: failed, ContextId: "ctx", StatusTimestampAfter: ago(15 * 24 * time.Hour)}},
	}
	for _, state := range listedStates[1:] {
		list = append(list, listQuery{stateWord(state), 0, &a2apb.ListTasksRequest{Status: state}})
	}
	return list
}

func stateWord(s a2apb.TaskState) string {
	word := strings.TrimPrefix(s.String(), "TASK_STATE_")
	return strings.ToLower(strings.ReplaceAll(word, "_", " "))
}

// readPages reads a page time and again, and reports what it took in microseconds.
func readPages(b *testing.B, m *task.Manager, req *a2apb.ListTasksRequest, number int) {
	read := func() *a2apb.ListTasksResponse {
		page, err := m.List(b.Context(), bot, "ann", req)
		if err != nil || len(page.Tasks) == 0 {
			b.Fatal(page, err)
		}
		return page
	}
	for range number {
		req.PageToken = read().NextPageToken
	}
	total := read().TotalSize
	var took []time.Duration
	for b.Loop() {
		begin := time.Now()
		read()
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(total), "tasks")
}
