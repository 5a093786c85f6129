package task

import (
	"errors"
	"fmt"
	"slices"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/carrelhq/carrel/storage"
)

// head is the small record beside a task's log: what is needed without reading it.
type head struct {
	agent     string
	version   string // digest
	contextID string
	created   time.Time

	state   a2apb.TaskState
	changed time.Time // when the state was last reported: the status timestamp
	status  []byte    // the status message, as a proto; empty when there is none
	seq     uint64    // of the last event
	size    uint64    // of all events, in bytes
	blobs   uint64    // of all blobs, in bytes

	run     int      // counts from 1
	attempt int      // of that run, from 1; 0 before the first
	lost    int      // attempts of that run that came to nothing
	inbox   []uint64 // events that hold the messages of this run, and later ones
	taken   int      // how many of them the running attempt was given

	fence uint64    // raised by every claim, and when a lease is taken away
	owner string    // the instance that holds the lease; empty when nobody does
	due   time.Time // of the entry in the due index; zero when there is none

	lines    uint64 // lines of the task's log
	runLines uint64 // of them, those before this attempt
	trace    string // traceparent of the request
	modes    []string

	pushes int // push notification configs

	hidden bool // only its run and who waits for its answer know of it, see reply.go

	indexed bool   // the lists have it, unless it is hidden; false for one from before them
	grouped bool   // so has that of its context, see lists.go
	part    uint64 // of the open set that has it, see listopen.go
}

// The fields of a head on disk. Numbers are never used twice; a reader skips
// those it does not know.
const (
	headAgent     protowire.Number = 1
	headVersion   protowire.Number = 2
	headContext   protowire.Number = 3
	headCreated   protowire.Number = 4
	headState     protowire.Number = 5
	headChanged   protowire.Number = 6
	headStatus    protowire.Number = 7
	headSeq       protowire.Number = 8
	headRun       protowire.Number = 9
	headAttempt   protowire.Number = 10
	headInbox     protowire.Number = 11
	headTaken     protowire.Number = 12
	headFence     protowire.Number = 13
	headOwner     protowire.Number = 14
	headDue       protowire.Number = 15
	headLines     protowire.Number = 16
	headRunLines  protowire.Number = 17
	headTrace     protowire.Number = 18
	headMode      protowire.Number = 19
	headLost      protowire.Number = 20
	headSize      protowire.Number = 21
	headPushes    protowire.Number = 22
	headHidden    protowire.Number = 24
	headIndexed   protowire.Number = 25
	headGrouped   protowire.Number = 26
	headBlobs     protowire.Number = 27
	headPart      protowire.Number = 28
	headSizeGuess                  = 256
)

func (h *head) encode() []byte {
	w := make(wire, 0, headSizeGuess+len(h.status))
	w.text(headAgent, h.agent)
	w.text(headVersion, h.version)
	w.text(headContext, h.contextID)
	w.time(headCreated, h.created)
	w.number(headState, uint64(h.state))
	w.time(headChanged, h.changed)
	w.text(headStatus, string(h.status))
	w.number(headSeq, h.seq)
	w.number(headSize, h.size)
	w.number(headBlobs, h.blobs)
	w.number(headRun, uint64(h.run))
	w.number(headAttempt, uint64(h.attempt))
	w.number(headLost, uint64(h.lost))
	for _, seq := range h.inbox {
		w.number(headInbox, seq)
	}
	w.number(headTaken, uint64(h.taken))
	w.number(headFence, h.fence)
	w.text(headOwner, h.owner)
	w.time(headDue, h.due)
	w.number(headLines, h.lines)
	w.number(headRunLines, h.runLines)
	w.text(headTrace, h.trace)
	for _, mode := range h.modes {
		w.text(headMode, mode)
	}
	w.number(headPushes, uint64(h.pushes))
	w.flag(headHidden, h.hidden)
	w.flag(headIndexed, h.indexed)
	w.flag(headGrouped, h.grouped)
	w.number(headPart, h.part)
	return w
}

func decodeHead(data []byte) (*head, error) {
	h := &head{}
	err := readWire(data, func(field protowire.Number, n uint64, b []byte) {
		switch field {
		case headAgent:
			h.agent = string(b)
		case headVersion:
			h.version = string(b)
		case headContext:
			h.contextID = string(b)
		case headCreated:
			h.created = wireTime(n)
		case headState:
			h.state = a2apb.TaskState(n)
		case headChanged:
			h.changed = wireTime(n)
		case headStatus:
			h.status = b
		case headSeq:
			h.seq = n
		case headSize:
			h.size = n
		case headBlobs:
			h.blobs = n
		case headRun:
			h.run = int(n)
		case headAttempt:
			h.attempt = int(n)
		case headLost:
			h.lost = int(n)
		case headInbox:
			h.inbox = append(h.inbox, n)
		case headTaken:
			h.taken = int(n)
		case headFence:
			h.fence = n
		case headOwner:
			h.owner = string(b)
		case headDue:
			h.due = wireTime(n)
		case headLines:
			h.lines = n
		case headRunLines:
			h.runLines = n
		case headTrace:
			h.trace = string(b)
		case headMode:
			h.modes = append(h.modes, string(b))
		case headPushes:
			h.pushes = int(n)
		case headHidden:
			h.hidden = n != 0
		case headIndexed:
			h.indexed = n != 0
		case headGrouped:
			h.grouped = n != 0
		case headPart:
			h.part = n
		}
	})
	if err == nil && (h.taken < 0 || h.taken > len(h.inbox) || slices.Contains(h.inbox, 0)) { // events count from 1
		err = errRecord
	}
	if err != nil {
		return nil, fmt.Errorf("task: head record: %w", err)
	}
	return h, nil
}

// bytes are those of the task, with what its events refer to.
func (h *head) bytes() uint64 { return h.size + h.blobs }

// shownTo tells whether callers of the agent see the task.
func (h *head) shownTo(agent string) bool { return h.agent == agent && !h.hidden }

// getHead reads a task of the agent as its callers see it: another agent's is not
// there, nor is one that is hidden.
func getHead(tx storage.Tx, agent, id string) (*head, error) {
	h, err := loadHead(tx, id)
	if err == nil && !h.shownTo(agent) {
		return nil, ErrTaskNotFound
	}
	return h, err
}

// getAnyHead reads a task of the agent, hidden or not.
func getAnyHead(tx storage.Tx, agent, id string) (*head, error) {
	h, err := loadHead(tx, id)
	if err == nil && h.agent != agent {
		return nil, ErrTaskNotFound
	}
	return h, err
}

func loadHead(tx storage.Tx, id string) (*head, error) {
	value, err := tx.Get(headKey(id))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, ErrTaskNotFound
	}
	if err != nil {
		return nil, err
	}
	return decodeHead(value)
}

// taskStatus is the head's status as A2A has it.
func (h *head) taskStatus() (*a2apb.TaskStatus, error) {
	s := &a2apb.TaskStatus{State: h.state, Timestamp: timestamppb.New(h.changed)}
	if len(h.status) == 0 {
		return s, nil
	}
	s.Message = &a2apb.Message{}
	if err := proto.Unmarshal(h.status, s.Message); err != nil {
		return nil, fmt.Errorf("task: status message: %w", err)
	}
	return s, nil
}
