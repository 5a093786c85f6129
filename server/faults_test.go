package server

import (
	"testing"

	"github.com/carrelhq/carrel/internal/faults"
)

func TestSeededFaultsAreNoticed(t *testing.T) {
	faults.Noticed(t, []faults.Fault{
		{
			"an error has a status of its own choice", "errors.go",
			"{task.ErrTaskNotCancelable, wire{code: -32002, http: 400", "{task.ErrTaskNotCancelable, wire{code: -32002, http: 409", "TestMatrix",
		},
		{
			"0.3 hears of errors that it does not have", "errors03.go",
			"error03{v03.Code(w.code), w.text(err)}", "error03{max(w.code, v03.Code(w.code)), w.text(err)}", "TestMatrix",
		},
		{
			"a host may have quotation marks", "card.go",
			"!strings.ContainsRune(\".-_\", c)", "!strings.ContainsRune(\".-_\\\"\", c)", "TestAHostHeaderIsAHostOrNothing",
		},
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
			"a stream writes as often as it reads", "sse.go",
			"st.own.hold(n > 0 && (st.more || st.unsent()))", "st.own.hold(false)", "TestABacklogIsWrittenInFewPieces",
		},
		{
			"a download counts for nothing", "blobs.go",
			"if !place.grow(s.downloadShare()) {", "if !place.grow(0) {", "TestDownloadsAreLimitedInNumber",
		},
		{
			"a stream goes on after an event that is not there yet", "operations.go",
			"err == nil && seen <= last", "err == nil", "FuzzLastEventID",
		},
	})
}
