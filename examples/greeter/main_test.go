package main

import (
	"testing"

	"github.com/carrelhq/carrel/guests/go/agent/agenttest"
)

func TestSmallTalkIsAMessageAndACardAnArtifact(t *testing.T) {
	host := agenttest.New()
	hello, err := host.Send("hi")
	if err != nil || hello.State != "completed" || hello.Message != "Hello! Shall I write a card? Say who it is for." || hello.Output != "" {
		t.Errorf("got %+v, %v", hello, err)
	}
	card, err := host.Send("card for Ada")
	if err != nil || card.State != "completed" || card.Message != "" || card.Output != "Dear Ada, all the best!" {
		t.Errorf("got %+v, %v", card, err)
	}
}
