package server

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/task"
)

// agentAdmin is what the admin API needs of the register of agents.
type agentAdmin interface {
	Push(ctx context.Context, tenant, name string, module io.Reader, opts agent.PushOptions) (agent.Agent, error)
	List(ctx context.Context, tenant, after string, limit int) ([]agent.Agent, error)
	Versions(ctx context.Context, tenant, name string) ([]agent.Version, error)
	Rollback(ctx context.Context, tenant, name, digest string) (agent.Agent, error)
	SetVisibility(ctx context.Context, tenant, name string, v agent.Visibility) (agent.Agent, error)
	Override(ctx context.Context, tenant, name string, o agent.Overrides) (agent.Agent, error)
	SetProtocols(ctx context.Context, tenant, name string, versions []string) (agent.Agent, error)
	Delete(ctx context.Context, tenant, name string) error
}

// agentPath names an agent in a path. Huma does not look into embedded structs
// that are not exported, so every input names its fields itself.
type agentPath struct {
	Tenant string `path:"tenant" doc:"The tenant that owns the agent"`
	Agent  string `path:"agent" doc:"The agent's name"`
}

func (s *Server) registerAgents(api huma.API) {
	const path = "/tenants/{tenant}/agents/{agent}"
	tags := []string{"agents"}
	route(s, api, huma.Operation{OperationID: "list-agents", Method: http.MethodGet, Path: "/tenants/{tenant}/agents", Summary: "The tenant's agents, by name", Tags: tags}, s.listAgents)
	route(s, api, huma.Operation{OperationID: "get-agent", Method: http.MethodGet, Path: path, Summary: "An agent with its current version", Tags: tags}, s.getAgent)
	route(s, api, huma.Operation{OperationID: "change-agent", Method: http.MethodPatch, Path: path, Summary: "Change who may see and call an agent, and in which versions of A2A", Tags: tags}, s.changeAgent)
	route(s, api, huma.Operation{OperationID: "override-card", Method: http.MethodPut, Path: path + "/card", Summary: "Say on an agent's card what its module does not, or other than it", Tags: tags}, s.overrideCard)
	route(s, api, huma.Operation{OperationID: "delete-agent", Method: http.MethodDelete, Path: path, Summary: "Remove an agent, its versions, tasks and contexts", Tags: tags}, s.deleteAgent)
	route(s, api, huma.Operation{OperationID: "list-versions", Method: http.MethodGet, Path: path + "/versions", Summary: "The agent's versions, newest first", Tags: tags}, s.listVersions)
	route(s, api, huma.Operation{OperationID: "roll-back", Method: http.MethodPost, Path: path + "/rollback", Summary: "Make an older version current", Tags: tags}, s.rollBack)
}

type listAgentsInput struct {
	Tenant string `path:"tenant" doc:"The tenant that owns the agent"`
	After  string `query:"after" doc:"The next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"100" doc:"The most items wanted"`
}

func (s *Server) listAgents(ctx context.Context, in *listAgentsInput) (*listed[agent.Agent], error) {
	list, err := s.parts.agents.List(ctx, in.Tenant, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	next := ""
	if len(list) == in.Limit {
		next = list[len(list)-1].Name
	}
	return newListed(list, next), nil
}

func (s *Server) getAgent(ctx context.Context, in *agentPath) (*one[agent.Agent], error) {
	a, err := s.parts.agents.Get(ctx, in.Tenant, in.Agent)
	return &one[agent.Agent]{a}, err
}

type changeAgentInput struct {
	Tenant string `path:"tenant" doc:"The tenant that owns the agent"`
	Agent  string `path:"agent" doc:"The agent's name"`
	Body   struct {
		Visibility agent.Visibility `json:"visibility,omitempty" enum:"public,card,private" doc:"Who may see and call the agent"`
		Protocols  []string         `json:"protocolVersions,omitempty" minItems:"1" maxItems:"2" enum:"1.0,0.3" doc:"The versions of A2A that the agent speaks: 1.0, and 0.3 or not"`
	}
}

// changeAgent changes what the body names, first what can be refused.
func (s *Server) changeAgent(ctx context.Context, in *changeAgentInput) (_ *one[agent.Agent], err error) {
	if in.Body.Visibility == "" && len(in.Body.Protocols) == 0 {
		return nil, badField("body", "names nothing to change")
	}
	var a agent.Agent
	if len(in.Body.Protocols) > 0 {
		if a, err = s.parts.agents.SetProtocols(ctx, in.Tenant, in.Agent, in.Body.Protocols); err != nil {
			return nil, err
		}
	}
	if in.Body.Visibility != "" {
		a, err = s.parts.agents.SetVisibility(ctx, in.Tenant, in.Agent, in.Body.Visibility)
	}
	return &one[agent.Agent]{a}, err
}

type overrideCardInput struct {
	Tenant string `path:"tenant" doc:"The tenant that owns the agent"`
	Agent  string `path:"agent" doc:"The agent's name"`
	Body   agent.Overrides
}

func (s *Server) overrideCard(ctx context.Context, in *overrideCardInput) (*one[agent.Agent], error) {
	a, err := s.parts.agents.Override(ctx, in.Tenant, in.Agent, in.Body)
	return &one[agent.Agent]{a}, err
}

func (s *Server) deleteAgent(ctx context.Context, in *agentPath) (*struct{}, error) {
	if err := s.parts.agents.Delete(ctx, in.Tenant, in.Agent); err != nil {
		return nil, err
	}
	s.clearAgent(ctx, task.Ref{Tenant: in.Tenant, Agent: in.Agent})
	return nil, nil
}

// clearPatience is how long the answer to a deletion waits for the agent's tasks
// to be gone.
const clearPatience = 5 * time.Second

// clearAgent removes what the agent leaves behind, so that its name is free when
// the deletion is answered. Few agents have more than fits into the time; the rest
// is the worker's, which looks for it anyhow.
func (s *Server) clearAgent(ctx context.Context, ref task.Ref) {
	ctx, cancel := context.WithTimeout(ctx, clearPatience)
	defer cancel()
	if err := s.parts.tasks.ClearAgent(ctx, ref); err != nil {
		s.opts.Logger.Info("deleted agent is left to be cleared away", "tenant", ref.Tenant, "agent", ref.Agent, "error", err)
	}
}

func (s *Server) listVersions(ctx context.Context, in *agentPath) (*listed[agent.Version], error) {
	list, err := s.parts.agents.Versions(ctx, in.Tenant, in.Agent)
	if err != nil {
		return nil, err
	}
	return newListed(list, ""), nil
}

type rollBackInput struct {
	Tenant string `path:"tenant" doc:"The tenant that owns the agent"`
	Agent  string `path:"agent" doc:"The agent's name"`
	Body   struct {
		Digest string `json:"digest" minLength:"6" maxLength:"64" pattern:"^[0-9a-f]+$" doc:"The version's digest, or enough of its beginning"`
	}
}

func (s *Server) rollBack(ctx context.Context, in *rollBackInput) (*one[agent.Agent], error) {
	a, err := s.parts.agents.Rollback(ctx, in.Tenant, in.Agent, in.Body.Digest)
	return &one[agent.Agent]{a}, err
}
