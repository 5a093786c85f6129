package carrel_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func TestAServerServesGRPCBesideHTTP(t *testing.T) {
	t.Parallel()
	opts := embedded(t.TempDir())
	opts.GRPCAddr = "127.0.0.1:0"
	s := start(t, opts)
	resp, err := http.Get(s.URL() + "/.well-known/agent-card.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	card, err := io.ReadAll(resp.Body)
	if want := fmt.Sprintf(`"tenant":"default/shout","url":"%s"`, s.GRPCAddr()); err != nil || !strings.Contains(string(card), want) {
		t.Errorf("the card: %s, %v; want %s", card, err, want)
	}
	conn, err := grpc.NewClient(s.GRPCAddr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	reply, err := a2apb.NewA2AServiceClient(conn).SendMessage(t.Context(), &a2apb.SendMessageRequest{
		Tenant: "default/shout",
		Message: &a2apb.Message{
			MessageId: "m", Role: a2apb.Role_ROLE_USER,
			Parts: []*a2apb.Part{{Content: &a2apb.Part_Text{Text: "hello"}}},
		},
	})
	if err != nil || reply.GetTask().GetArtifacts()[0].GetParts()[0].GetText() != "HELLO" {
		t.Errorf("got %v, %v", reply, err)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

func TestWithoutAnAddressThereIsNoGRPC(t *testing.T) {
	t.Parallel()
	if s := start(t, embedded(t.TempDir())); s.GRPCAddr() != nil {
		t.Errorf("got %v", s.GRPCAddr())
	}
}
