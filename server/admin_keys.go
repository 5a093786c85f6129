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
	tags := []string{"keys"}
	const own, operators = "/tenants/{tenant}/keys", "/operator/keys"
	route(s, api, huma.Operation{OperationID: "create-key", Method: http.MethodPost, Path: own, Summary: "Make a key of the tenant; its token is shown this once", Tags: tags, DefaultStatus: http.StatusCreated}, s.createKey)
	route(s, api, huma.Operation{OperationID: "list-keys", Method: http.MethodGet, Path: own, Summary: "The tenant's keys, oldest first", Tags: tags}, s.listKeys)
	route(s, api, huma.Operation{OperationID: "revoke-key", Method: http.MethodDelete, Path: own + "/{key}", Summary: "Revoke a key of the tenant at once", Tags: tags}, s.revokeKey)
	route(s, api, huma.Operation{OperationID: "create-operator-key", Method: http.MethodPost, Path: operators, Summary: "Make an operator key; its token is shown this once", Tags: tags, DefaultStatus: http.StatusCreated}, s.createOperatorKey)
	route(s, api, huma.Operation{OperationID: "list-operator-keys", Method: http.MethodGet, Path: operators, Summary: "The operator's keys, oldest first", Tags: tags}, s.listOperatorKeys)
	route(s, api, huma.Operation{OperationID: "revoke-operator-key", Method: http.MethodDelete, Path: operators + "/{key}", Summary: "Revoke an operator key at once", Tags: tags}, s.revokeOperatorKey)
}

// keySpec is what a new key is made from.
type keySpec struct {
	Name string `json:"name,omitempty" maxLength:"100" doc:"What the key is for"`
	TTL  string `json:"ttl,omitempty" example:"720h" doc:"How long the key is valid, as a Go duration; absent is for ever"`
}

// createdKey is a new key with its token.
type createdKey struct {
	Key   tenant.Key `json:"key"`
	Token string     `json:"token" doc:"The secret to send; it is not kept"`
}

type createKeyInput struct {
	Tenant string `path:"tenant" doc:"The tenant that owns the key"`
	Body   keySpec
}

func (s *Server) createKey(ctx context.Context, in *createKeyInput) (*one[createdKey], error) {
	if !tenant.ValidName(in.Tenant) { // without a tenant the key would be the operator's
		return nil, tenant.ErrInvalidName
	}
	return s.makeKey(ctx, tenant.KeySpec{Tenant: in.Tenant}, in.Body)
}

type createOperatorKeyInput struct{ Body keySpec }

func (s *Server) createOperatorKey(ctx context.Context, in *createOperatorKeyInput) (*one[createdKey], error) {
	return s.makeKey(ctx, tenant.KeySpec{Operator: true}, in.Body)
}

func (s *Server) makeKey(ctx context.Context, spec tenant.KeySpec, from keySpec) (*one[createdKey], error) {
	if from.TTL != "" {
		ttl, err := time.ParseDuration(from.TTL)
		if err != nil || ttl <= 0 {
			return nil, badField("body.ttl", "must be a positive duration such as 720h")
		}
		spec.TTL = ttl
	}
	spec.Name = from.Name
	key, token, err := s.parts.keys.Create(ctx, spec)
	return &one[createdKey]{createdKey{key, token}}, err
}

type tenantPath struct {
	Tenant string `path:"tenant" doc:"The tenant that owns the keys"`
}

func (s *Server) listKeys(ctx context.Context, in *tenantPath) (*listed[tenant.Key], error) {
	return s.keysOf(ctx, in.Tenant)
}

func (s *Server) listOperatorKeys(ctx context.Context, _ *struct{}) (*listed[tenant.Key], error) {
	return s.keysOf(ctx, "")
}

func (s *Server) keysOf(ctx context.Context, owner string) (*listed[tenant.Key], error) {
	list, err := s.parts.keys.List(ctx, owner)
	if err != nil {
		return nil, err
	}
	return newListed(list, ""), nil
}

type keyPath struct {
	Tenant string `path:"tenant" doc:"The tenant that owns the key"`
	Key    string `path:"key" doc:"The key's id"`
}

func (s *Server) revokeKey(ctx context.Context, in *keyPath) (*struct{}, error) {
	return nil, s.parts.keys.Revoke(ctx, in.Tenant, in.Key)
}

type operatorKeyPath struct {
	Key string `path:"key" doc:"The key's id"`
}

func (s *Server) revokeOperatorKey(ctx context.Context, in *operatorKeyPath) (*struct{}, error) {
	return nil, s.parts.keys.Revoke(ctx, "", in.Key)
}
