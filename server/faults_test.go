package server

import (
	"testing"

	"github.com/carrelhq/carrel/internal/faults"
)

func TestSeededFaultsAreNoticed(t *testing.T) {
	faults.Noticed(t, []faults.Fault{
		{
			"a signature is good for every task", "links.go",
			"at.tenant, at.ref, at.expires", "at.tenant, at.ref.Digest, at.expires", "TestALinkThatWasChangedLeadsNowhere",
		},
		{
			"a signature is good for every tenant", "links.go",
			"at.tenant, at.ref, at.expires", `"", at.ref, at.expires`, "TestLinksExpireAndStayTheSameForAWhile",
		},
		{
			"a link never expires", "links.go",
			"good && now.Unix() < at.expires", "good", "TestLinksExpireAndStayTheSameForAWhile",
		},
		{
			"a stream shows what stands for a file", "feed.go",
			"body := f.link.Response(f.trim(e.Body))", "body := f.trim(e.Body)", "TestALargePartIsALinkOverEveryBinding",
		},
		{
			"a download counts for nothing", "blobs.go",
			"if !place.grow(s.downloadShare()) {", "if !place.grow(0) {", "TestDownloadsAreLimitedInNumber",
		},
		{
			"a host may have quotes", "card.go",
			"!strings.ContainsFunc(host, foreign)", "true || foreign(0)", "TestAHostHeaderIsAHostOrNothing",
		},
		{
			"a stream goes on after an event that is not there yet", "operations.go",
			"err == nil && seen <= last", "err == nil", "FuzzLastEventID",
		},
	})
}
