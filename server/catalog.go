package server

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/tenant"
)

// catalogPage is the most agents on one page of a catalog.
const catalogPage = 100

// linkset is a set of links in JSON (RFC 9264), as far as catalogs have some.
type linkset struct {
	Linkset []linkContext `json:"linkset"`
}

type linkContext struct {
	Anchor string `json:"anchor"`
	// Items are the bases of agents, and Next is the page after this one.
	Items []link `json:"item,omitempty"`
	Next  []link `json:"next,omitempty"`
	// Descriptions are for programs, Documents for people.
	Descriptions []link `json:"service-desc,omitempty"`
	Documents    []link `json:"service-doc,omitempty"`
}

type link struct {
	Href string `json:"href"`
	Type string `json:"type,omitempty"`
}

// serveCatalog serves the catalog of all agents that anyone may know of (RFC 9727).
func (s *Server) serveCatalog(x *exchange) error {
	x.route = routeCatalog
	var after agent.Name
	if text := x.c.Query("after"); text != "" {
		after.Tenant, after.Agent, _ = strings.Cut(text, "/")
	}
	names, err := s.parts.agents.Listed(x.ctx, "", after, catalogPage+1)
	if err != nil {
		return err
	}
	s.keepable(x, false)
	return s.answerCatalog(x, "", names)
}

// serveOwnCatalog serves the catalog of one tenant's agents: with its key all,
// else those that anyone may know of. There is one of every tenant, also of those
// that are not there.
func (s *Server) serveOwnCatalog(x *exchange, owner, below string) error {
	if "/"+wellKnown+below != catalogPath || !tenant.ValidName(owner) {
		return errNotFound
	}
	x.route = routeOwnCatalog
	names, all, err := s.agentsOf(x, owner, x.c.Query("after"))
	if err != nil {
		return err
	}
	s.keepable(x, all)
	if !all {
		x.vary("Authorization")
	}
	return s.answerCatalog(x, agentsPrefix+owner, names)
}

// agentsOf are the names of a page of a tenant's agents, and whether they are
// those that only the tenant may know.
func (s *Server) agentsOf(x *exchange, owner, after string) (names []agent.Name, all bool, err error) {
	p, err := s.principal(x)
	switch {
	case err == nil && p.May(owner):
		agents, err := s.parts.agents.List(x.ctx, owner, after, catalogPage+1)
		for _, a := range agents {
			names = append(names, agent.Name{Tenant: a.Tenant, Agent: a.Name})
		}
		return names, true, err
	case err != nil && !errors.Is(err, errUnauthenticated) && !errors.Is(err, errTooManyFailures):
		return nil, false, err
	}
	var last agent.Name
	if after != "" {
		last = agent.Name{Tenant: owner, Agent: after}
	}
	names, err = s.parts.agents.Listed(x.ctx, owner, last, catalogPage+1)
	return names, false, err
}

// answerCatalog answers with a page of the catalog that lies at and below a
// path, of one name more than fit when there is another page.
func (s *Server) answerCatalog(x *exchange, at string, names []agent.Name) error {
	d := s.door(x)
	address := d.base + at + catalogPath
	catalog := linkContext{Anchor: address}
	if len(names) > catalogPage {
		names = names[:catalogPage]
		last := names[catalogPage-1]
		after := last.Agent
		if at == "" {
			after = last.Tenant + "/" + last.Agent
		}
		catalog.Next = []link{{address + "?after=" + url.QueryEscape(after), typeLinkset}}
	}
	set := linkset{Linkset: []linkContext{{}}}
	for _, n := range names {
		base := d.agent(n.Tenant, n.Agent)
		catalog.Items = append(catalog.Items, link{Href: base})
		set.Linkset = append(set.Linkset, linkContext{
			Anchor:       base,
			Descriptions: []link{{base + cardPath, typeJSON}, {base + documentPath, typeJSON}},
			Documents:    []link{{base, "text/html"}},
		})
	}
	set.Linkset[0] = catalog
	body, err := json.Marshal(set)
	if err != nil {
		return err
	}
	x.set(fiber.HeaderLink, "<"+address+`>; rel="api-catalog"`)
	x.ifModified(typeCatalog, body, etag(body), time.Time{})
	return nil
}
