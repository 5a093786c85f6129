package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/carrelhq/carrel/agent/signing"
)

// registerCardKeys declares what the operator does with the keys that sign
// cards, where the server has some.
func (s *Server) registerCardKeys(api huma.API) {
	if s.opts.CardKeys == nil {
		return
	}
	const path = "/card-keys"
	tags := []string{"keys"}
	route(s, api, huma.Operation{OperationID: "list-card-keys", Method: http.MethodGet, Path: path, Summary: "The keys that sign cards, newest first", Tags: tags}, s.listCardKeys)
	route(s, api, huma.Operation{OperationID: "rotate-card-key", Method: http.MethodPost, Path: path, Summary: "Make a key that signs cards from now on, beside those there are", Tags: tags, DefaultStatus: http.StatusCreated}, s.rotateCardKey)
	route(s, api, huma.Operation{OperationID: "retire-card-key", Method: http.MethodDelete, Path: path + "/{key}", Summary: "Delete a key: what it has signed verifies no more", Tags: tags}, s.retireCardKey)
}

func (s *Server) listCardKeys(ctx context.Context, _ *struct{}) (*listed[signing.CardKey], error) {
	ring, err := s.opts.CardKeys.Ring(ctx)
	if err != nil {
		return nil, err
	}
	return newListed(ring.Keys(), ""), nil
}

func (s *Server) rotateCardKey(ctx context.Context, _ *struct{}) (*one[signing.CardKey], error) {
	key, err := s.opts.CardKeys.Rotate(ctx)
	return &one[signing.CardKey]{key}, err
}

type cardKeyPath struct {
	Key string `path:"key" maxLength:"100" doc:"The key's id"`
}

func (s *Server) retireCardKey(ctx context.Context, in *cardKeyPath) (*struct{}, error) {
	return nil, s.opts.CardKeys.Retire(ctx, in.Key)
}
