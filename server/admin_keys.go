package server

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/carrelhq/carrel/tenant"
)

// keyAdmin is what the admin API needs of the keys.
type keyAdmin interface {
	Create(ctx context.Context, spec tenant.KeySpec) (tenant.Key, string, error)
	List(ctx context.Context, tenant string) ([]tenant.Key, error)
	Revoke(ctx context.Context, tenant, id string) error
}

func (s *Server) registerKeys(api huma.API) {
	for _, at := range []struct{ path, id, whose string }{
		{"/tenants/{tenant}/keys", "key", "the tenant's"},
		{"/operator/keys", "operator-key", "the operator's"},
	} {
		tags := []string{"keys"}
		route(s, api, huma.Operation{OperationID: "create-" + at.id, Method: http.MethodPost, Path: at.path, Summary: "Make a key of " + at.whose + "; its token is shown this once", Tags: tags, DefaultStatus: http.StatusCreated}, s.createKey)
		route(s, api, huma.Operation{OperationID: "list-" + at.id + "s", Method: http.MethodGet, Path: at.path, Summary: "List " + at.whose + " keys, oldest first", Tags: tags}, s.listKeys)
		route(s, api, huma.Operation{OperationID: "revoke-" + at.id, Method: http.MethodDelete, Path: at.path + "/{key}", Summary: "Revoke a key of " + at.whose + " at once", Tags: tags}, s.revokeKey)
	}
}

// keyOwner is the tenant in the path, empty for the operator's keys.
type keyOwner struct {
	Tenant string `path:"tenant" required:"false" doc:"The tenant that owns the keys"`
}

type createKeyInput struct {
	keyOwner
	Body struct {
		Name string `json:"name,omitempty" maxLength:"100" doc:"What the key is for"`
		TTL  string `json:"ttl,omitempty" example:"720h" doc:"How long the key is valid, as a Go duration; absent is for ever"`
	}
}

// createdKey is a new key with its token.
type createdKey struct {
	Key   tenant.Key `json:"key"`
	Token string     `json:"token" doc:"The secret to send; it is not kept"`
}

func (s *Server) createKey(ctx context.Context, in *createKeyInput) (*one[createdKey], error) {
	var ttl time.Duration
	if in.Body.TTL != "" {
		var err error
		if ttl, err = time.ParseDuration(in.Body.TTL); err != nil || ttl <= 0 {
			return nil, badField("body.ttl", "must be a positive duration such as 720h")
		}
	}
	key, token, err := s.parts.keys.Create(ctx, tenant.KeySpec{Tenant: in.Tenant, Operator: in.Tenant == "", Name: in.Body.Name, TTL: ttl})
	return &one[createdKey]{createdKey{key, token}}, err
}

func (s *Server) listKeys(ctx context.Context, in *keyOwner) (*listed[tenant.Key], error) {
	list, err := s.parts.keys.List(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	return newListed(list, ""), nil
}

type keyPath struct {
	keyOwner
	Key string `path:"key" doc:"The key's id"`
}

func (s *Server) revokeKey(ctx context.Context, in *keyPath) (*struct{}, error) {
	return nil, s.parts.keys.Revoke(ctx, in.Tenant, in.Key)
}
