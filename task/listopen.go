package task

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"github.com/google/uuid"

	"github.com/carrelhq/carrel/storage"
)

// The set of an agent's tasks that are submitted or working lies in a few records.
// A change of a task rewrites the one that has it, and those that change at the same
// time find it in memory, for the one before has just written it. So there are no
// more parts than the set needs: one for openFill tasks each, or openFull where that
// would be more than openParts, which a list takes long to read. The 10,000 tasks of
// MaxQueued are in 64 parts of 5 KB. It does not bound those that had waited for
// their caller and go on.
const (
	openFill  = 32
	openFull  = 256
	openParts = 64
	openEnd   = 1 << 16 // no part has that number
)

// openTask is an element of the set: 33 bytes.
type openTask struct {
	id      uuid.UUID
	rank    uint64
	context uint64 // see contextMark
	state   a2apb.TaskState
}

const openSize = 16 + 8 + 8 + 1

func (o openTask) append(to []byte) []byte {
	to = append(to, o.id[:]...)
	to = binary.BigEndian.AppendUint64(to, o.rank)
	to = binary.BigEndian.AppendUint64(to, o.context)
	return append(to, byte(o.state))
}

func readOpenTask(b []byte) openTask {
	return openTask{uuid.UUID(b[:16]), binary.BigEndian.Uint64(b[16:]), binary.BigEndian.Uint64(b[24:]), a2apb.TaskState(b[32])}
}

// contextMark tells the contexts of an agent apart, by 64 bits of SHA-256.
func contextMark(contextID string) uint64 {
	sum := sha256.Sum256([]byte(contextID))
	return binary.BigEndian.Uint64(sum[:])
}

// setOpen puts the task into its part of the set, in place of what that has of it,
// or takes it out.
func (e *edit) setOpen(l listed, in bool) error {
	id, err := uuid.Parse(e.id)
	if err != nil {
		return err
	}
	key := listOpenKey(e.h.agent, e.h.part)
	old, err := getOpen(e.tx, key)
	if err != nil {
		return err
	}
	at := findOpen(old, id)
	part := make([]byte, 0, len(old)+openSize)
	part = append(part, old[:at]...)
	if in {
		part = openTask{id, rank(l.changed), contextMark(e.h.contextID), l.state}.append(part)
	}
	if at < len(old) {
		part = append(part, old[at+openSize:]...)
	}
	return e.tx.Set(key, part) // an empty part stays: it will be used again
}

// choosePart gives a task that comes into the set its part of it.
func (e *edit) choosePart() (err error) {
	n := e.open
	if n == 0 {
		if n, err = countOpen(e.tx, e.h.agent); err != nil {
			return err
		}
	}
	e.h.part = rand.Uint64N(partsOf(uint64(max(n, 0))))
	return nil
}

// partsOf returns in how many parts a set of n tasks should lie.
func partsOf(n uint64) uint64 {
	return min(max(min(1+n/openFill, openParts), 1+n/openFull), openEnd)
}

// countOpen returns how many tasks of the agent are submitted or working, of those
// that callers see.
func countOpen(tx storage.Tx, agentName string) (sum int64, err error) {
	for _, state := range unfinished {
		n, err := storage.Counter(tx, countKey(agentName, state))
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// findOpen returns where the task is in a part, or its end.
func findOpen(part []byte, id uuid.UUID) int {
	at := 0
	for at < len(part) && !bytes.Equal(part[at:at+16], id[:]) {
		at += openSize
	}
	return at
}

func getOpen(tx storage.Tx, key storage.Key) ([]byte, error) {
	part, err := tx.Get(key)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	if err == nil && len(part)%openSize != 0 {
		err = errRecord
	}
	return part, err
}

// openTasks calls visit for every task of the set, which has n. It lies in the first
// parts, unless it was larger a short time ago.
func openTasks(tx storage.Tx, agentName string, n int64, visit func(openTask)) error {
	for i := uint64(0); i < openEnd && n > 0; i++ {
		part, err := getOpen(tx, listOpenKey(agentName, i))
		if err != nil {
			return err
		}
		for b := range slices.Chunk(part, openSize) {
			visit(readOpenTask(b))
			n--
		}
	}
	return nil
}
