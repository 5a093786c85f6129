package main

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// streamedChunks is how many chunks the streamed task has. The references copy or
// encode what they have with each, so a long task shows what that costs.
const streamedChunks = 500

// streamedSection compares how long a task takes whose answer is streamed to one
// client in chunks, from the request to the end of the stream.
func streamedSection(ctx context.Context, s settings, t *table) error {
	ours, err := streamedBy(ctx, s, guestPeer(), 40)
	if err != nil {
		return err
	}
	t.add(streamedRow(guestPeer()), short(ours), "", "")
	fasta2a := fastA2A("", polled, "≤ 1/8")
	fasta2a.name = "fasta2a 2.1.1, in memory"
	gosdk := a2aGo()
	gosdk.aim = "≤ 1/50"
	for _, p := range t.able(ctx, s, []peer{gosdk, fasta2a}) {
		theirs, err := streamedBy(ctx, s, p, 5)
		if err != nil {
			t.notRun(streamedRow(p), err)
			continue
		}
		t.add(streamedRow(p), short(theirs), fmt.Sprintf("carrel 1/%.0f", float64(theirs)/float64(ours)), p.aim)
	}
	return ctx.Err()
}

func streamedRow(p peer) string {
	return fmt.Sprintf("%d chunks streamed to one client: %s", streamedChunks, p.name)
}

// streamedBy is the median time of a streamed task, after a warm-up.
func streamedBy(ctx context.Context, s settings, p peer, tasks int) (time.Duration, error) {
	server, err := startPeer(ctx, s, p)
	if err != nil {
		return 0, err
	}
	defer server.stop()
	order := order10(server.base()+p.path, "stream "+strconv.Itoa(streamedChunks), streamedChunks)
	if p.dialect == polled {
		order.method, order.role = "message/stream", "user"
	}
	if p.path == guestPeer().path {
		order.chunks++ // the SDK's last one is empty, and says that it is
	}
	if _, err := order.medianOf(ctx, max(1, tasks/4)); err != nil {
		return 0, err
	}
	return order.medianOf(ctx, tasks)
}
