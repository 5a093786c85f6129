package docs_test

import (
	"strings"
	"testing"
)

func TestAnAnswerComesInPieces(t *testing.T) {
	h := newHouse(t, nil)
	h.page.Click(".skill .example")
	h.page.Click("#send")
	for _, so := range []string{"one", "onetwo", "onetwothree"} {
		h.page.Wait(last + `?.querySelector(".artifact .text")?.textContent === "` + so + `"`)
		h.see(".status", "Working")
		h.w.steps <- struct{}{}
	}
	h.over("COMPLETED")
	h.see(".status", "Completed")
	h.ask("again", "COMPLETED")
	var shown int
	h.page.Eval(`document.querySelectorAll(".turn").length`, &shown)
	if shown != 4 {
		t.Errorf("%d turns are shown, want 4", shown)
	}
	h.page.Click("#fresh")
	h.page.Wait(`document.querySelectorAll(".turn").length === 0 && document.querySelector("#context").textContent === ""`)
	h.ask("again", "COMPLETED")
	if _, of := h.w.ran(); len(of) != 3 || of[0] != of[1] || of[1] == of[2] {
		t.Errorf("the runs were of contexts %q", of)
	}
}

func TestAQuestionIsAnsweredInItsTask(t *testing.T) {
	h := newHouse(t, nil)
	h.ask("ask which", "INPUT_REQUIRED")
	h.see(".said", "Which edition?")
	h.see(".status", "Waiting for your answer")
	if got := h.page.Text("#send"); got != "Answer" {
		t.Errorf("the button says %q", got)
	}
	h.shoot("question")
	h.ask("the first", "COMPLETED")
	h.see(".artifact .text", "the first")
	h.ask("another", "COMPLETED")
	ids, _ := h.w.ran()
	if len(ids) != 3 || ids[0] != ids[1] || ids[1] == ids[2] {
		t.Errorf("the runs were of tasks %q", ids)
	}
}

func TestATaskIsCanceled(t *testing.T) {
	h := newHouse(t, nil)
	h.say("hold on")
	h.page.Wait(last + `?.dataset.state === "WORKING"`)
	h.page.Click("#cancel")
	h.over("CANCELED")
	h.see(".status", "Canceled")
	// One that waits for an answer has no stream that could tell.
	h.ask("ask which", "INPUT_REQUIRED")
	h.page.Click("#cancel")
	h.over("CANCELED")
	h.ask("another", "COMPLETED")
}

func TestErrorsAreShownAsTheServerSaysThem(t *testing.T) {
	h := newHouse(t, nil)
	h.ask("fail No such book.", "FAILED")
	h.see(".said", "No such book.")
	h.ask(strings.Repeat("long ", 1<<18), "BROKEN")
	h.see(".problem", "Request body is too large: at most 1048576 bytes are taken")
}

func TestAStreamGoesOnWhereItBroke(t *testing.T) {
	h := newHouse(t, nil)
	h.say("pieces one two three")
	h.page.Wait(last + `?.querySelector(".artifact .text")?.textContent === "one"`)
	h.via.cut()
	h.page.Wait(last + `.querySelector(".status").textContent.startsWith("The connection broke")`)
	h.w.steps <- struct{}{}
	h.w.steps <- struct{}{}
	h.w.steps <- struct{}{}
	h.via.mend()
	h.over("COMPLETED")
	h.see(".artifact .text", "onetwothree")
}

func TestAMessageIsSentAgainAndTakenOnce(t *testing.T) {
	h := newHouse(t, nil)
	h.ready()
	h.via.deafen()
	h.say("pieces one two")
	h.w.steps <- struct{}{} // the agent is at work, and nobody here knows
	h.via.cut()
	h.page.Wait(last + `.querySelector(".status").textContent.startsWith("The connection broke. Trying again")`)
	h.via.mend()
	h.w.steps <- struct{}{}
	h.over("COMPLETED")
	h.see(".artifact .text", "onetwo")
	if ids, _ := h.w.ran(); len(ids) != 1 {
		t.Errorf("the runs were of tasks %q, want one", ids)
	}
}

func TestAServerThatDoesNotAnswerIsToldOf(t *testing.T) {
	h := newHouse(t, nil)
	h.ready()
	h.page.Eval(`{ const real = setTimeout; window.setTimeout = (f, ms) => real(f, Math.min(ms, 20)); }`, nil) // nobody has seconds
	h.via.cut()
	h.say("anybody there")
	h.over("BROKEN")
	h.see(".problem", "The connection broke before the agent answered. It may have got the message.")
	if ids, _ := h.w.ran(); len(ids) != 0 {
		t.Errorf("the runs were of tasks %q, want none", ids)
	}
}

func TestAStreamThatWasGivenUpIsFollowedAgain(t *testing.T) {
	h := newHouse(t, nil)
	h.say("pieces one two")
	h.page.Wait(last + `.querySelector(".artifact .text").textContent === "one"`)
	h.page.Eval(`{ const real = setTimeout; window.setTimeout = (f, ms) => real(f, Math.min(ms, 20)); }`, nil) // nobody has a minute
	h.via.cut()
	h.over("BROKEN")
	h.see(".problem", "The connection is lost. The task goes on without it. Follow again")
	h.w.steps <- struct{}{}
	h.w.steps <- struct{}{}
	h.via.mend()
	h.page.Click(".problem button")
	h.over("COMPLETED")
	h.see(".artifact .text", "onetwo")
	h.page.Wait(`!document.querySelector(".problem:not(#problem)")`)
}
