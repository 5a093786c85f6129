package server

import (
	"context"
	"sync"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/agent/signing"
)

// cardBytes bounds the cards that are kept as they are served, in bytes of JSON.
const cardBytes = 4 << 20

// servedCard is a card as it is served; it is not changed.
type servedCard struct {
	card     *a2apb.AgentCard
	body     []byte
	tag      string
	modified time.Time
}

// cardKind is which of its cards an agent shows.
type cardKind int

const (
	publicCard cardKind = iota
	// unitedCard is the public one for clients of A2A 0.3, too.
	unitedCard
	// extendedCard is the one for callers with a key.
	extendedCard
)

// cardKey is all that a card depends on.
type cardKey struct {
	tenant, agent, digest string
	updated               int64
	kind                  cardKind
	door                  door
	// ring names the keys that sign it, "" for none.
	ring string
}

// cards keeps cards as they are served: making one and signing it costs a
// hundred times what looking it up does. Its zero value is ready; it is safe for
// concurrent use.
type cards struct {
	mu    sync.RWMutex
	known map[cardKey]servedCard
	bytes int
}

// get returns the card of the key, made when there is none. It drops all when
// there is no room, as who asks under ever other names brings about.
func (c *cards) get(key cardKey, build func() (servedCard, error)) (servedCard, error) {
	c.mu.RLock()
	known, ok := c.known[key]
	c.mu.RUnlock()
	if ok {
		return known, nil
	}
	made, err := build()
	if err != nil {
		return servedCard{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || c.bytes+len(made.body) > cardBytes {
		c.known, c.bytes = map[cardKey]servedCard{}, 0
	}
	if _, ok := c.known[key]; !ok {
		c.bytes += len(made.body)
	}
	c.known[key] = made
	return made, nil
}

// cardFor is a card of an agent, as who came through the door is to see it. Of an
// extended one that is not there the card is nil.
func (s *Server) cardFor(ctx context.Context, a agent.Agent, d door, kind cardKind) (servedCard, error) {
	key := cardKey{tenant: a.Tenant, agent: a.Name, digest: a.Current.Digest, updated: a.Updated.UnixNano(), kind: kind, door: d}
	var ring *signing.Ring
	if s.opts.CardKeys != nil && d.own {
		var err error
		if ring, err = s.opts.CardKeys.Ring(ctx); err != nil {
			return servedCard{}, err
		}
		key.ring = ring.Name()
	}
	return s.cards.get(key, func() (servedCard, error) { return s.buildCard(a, d, kind, ring) })
}

func (s *Server) buildCard(a agent.Agent, d door, kind cardKind, ring *signing.Ring) (c servedCard, err error) {
	c.modified = a.Updated
	if c.card = s.newCard(a, d, kind); c.card == nil {
		return c, nil
	}
	if ring != nil && kind != unitedCard {
		if ring.Changed().After(c.modified) {
			c.modified = ring.Changed()
		}
		if err := ring.Sign(c.card, d.base+keysPath); err != nil {
			return servedCard{}, err
		}
	}
	if c.body, err = signing.Encode(c.card); err != nil {
		return servedCard{}, err
	}
	if kind == unitedCard {
		c.body, err = unionCard(c.body)
	}
	c.tag = etag(c.body)
	return c, err
}

func (s *Server) newCard(a agent.Agent, d door, kind cardKind) *a2apb.AgentCard {
	card := agent.ExtendedCard(a, d.interfaces(a))
	if kind != extendedCard {
		promised := a.Overrides != nil && a.Overrides.Extended != nil // which takes a key
		card = agent.Card(a, d.interfaces(a), (a.Visibility != agent.Public || promised) && !s.opts.Dev)
	}
	if card == nil {
		return nil
	}
	card.Capabilities.PushNotifications = proto.Bool(s.parts.tasks.PushSupported())
	// The official Go client (v2.4.0) cannot read a card with requirements in the
	// form of the specification: it wants a list where {"list": […]} belongs. The
	// scheme alone tells what a call needs, and every client reads it.
	card.SecurityRequirements = nil
	return card
}

// extendedCard implements extendedCards.
func (s *Server) extendedCard(ctx context.Context, by caller) (card *a2apb.AgentCard, declared bool, err error) {
	a, err := s.parts.agents.Get(ctx, by.ref.Tenant, by.ref.Agent)
	if err != nil || a.Overrides == nil || a.Overrides.Extended == nil {
		return nil, false, err
	}
	c, err := s.cardFor(ctx, a, by.door(), extendedCard)
	return c.card, true, err
}

// serveKeys serves the public keys that verify cards. Section 8.4.
func (s *Server) serveKeys(x *exchange) error {
	x.route = routeKeys
	if s.opts.CardKeys == nil {
		return errNotFound
	}
	ring, err := s.opts.CardKeys.Ring(x.ctx)
	if err != nil {
		return err
	}
	s.keepable(x, false)
	x.ifModified(typeKeys, ring.JWKS(), `"`+ring.Name()+`"`, ring.Changed())
	return nil
}
