package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/carrelhq/carrel/storage"
)

// Records in the tenant's scope, as JSON:
//
//	agent/<name>             agentRecord
//	version/<name>/<digest>  Version; never changes
//
// and in the global spaces:
//
//	module/<digest>                      the module's bytes, a blob
//	module-ref/<digest>/<tenant>/<name>  empty: a version of that agent has these bytes
//	module-loose/<time>/<id>/<digest>    a blob: bytes of an upload that is under way, or that no version has
//	agent-place/<tenant>/<name>          empty: the agent is there
//	agent-deleted/<tenant>/<name>        empty: it was deleted, and others may have records of it
//	agent-listed/<tenant>/<name>         empty: it is there and not private
var (
	agentsKey   = storage.NewKey("agent")
	placesKey   = storage.NewKey("agent-place")
	versionKeys = storage.NewKey("version")
	moduleKeys  = storage.NewKey("module")
	refKeys     = storage.NewKey("module-ref")
	looseKeys   = storage.NewKey("module-loose")

	deletedKeys = storage.NewKey("agent-deleted")
	listedKeys  = storage.NewKey("agent-listed")
)

func agentKey(name string) storage.Key    { return agentsKey.Str(name) }
func versionsKey(name string) storage.Key { return versionKeys.Str(name) }
func versionKey(name, digest string) storage.Key {
	return versionKeys.With(storage.Str(name), storage.Str(digest))
}
func moduleKey(digest string) storage.Key { return moduleKeys.Str(digest) }
func refsKey(digest string) storage.Key   { return refKeys.Str(digest) }
func placeKey(tenant, name string) storage.Key {
	return placesKey.With(storage.Str(tenant), storage.Str(name))
}
func deletedKey(tenant, name string) storage.Key {
	return deletedKeys.With(storage.Str(tenant), storage.Str(name))
}
func listedKey(p place) storage.Key {
	return listedKeys.With(storage.Str(p.tenant), storage.Str(p.name))
}
func refKey(digest, tenant, name string) storage.Key {
	return refKeys.With(storage.Str(digest), storage.Str(tenant), storage.Str(name))
}
func looseKey(since time.Time, id, digest string) storage.Key {
	return looseKeys.With(storage.Time(since), storage.Str(id), storage.Str(digest))
}

type agentRecord struct {
	Visibility Visibility `json:"visibility"`
	// Without03 is set when the agent does not speak A2A 0.3.
	Without03 bool   `json:"without03,omitempty"`
	Current   string `json:"current"`
	// Versions is the number of versions, and so the number of the newest.
	Versions  int        `json:"versions"`
	Overrides *Overrides `json:"overrides,omitempty"`
	Created   time.Time  `json:"created"`
	Updated   time.Time  `json:"updated"`
}

// place is where an agent is.
type place struct{ tenant, name string }

func readPlace(key []byte) (place, error) {
	r := storage.ReadKey(key)
	r.Str()
	p := place{tenant: r.Str(), name: r.Str()}
	return p, r.Err()
}

// records reads and writes the records of agents. Its zero value is ready.
type records struct {
	agents   decoded[agentRecord]
	versions decoded[Version]
}

func putJSON(tx storage.Tx, key storage.Key, v any) error {
	value, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.Set(key, value)
}

// get reads a record; the words name it when it is not there.
func get(tx storage.Tx, key storage.Key, words ...string) ([]byte, error) {
	value, err := tx.Get(key)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, strings.Join(words, " "))
	}
	return value, err
}

func (r *records) record(tx storage.Tx, name string) (agentRecord, error) {
	value, err := get(tx, agentKey(name), name)
	if err != nil {
		return agentRecord{}, err
	}
	return r.agents.decode(value, name)
}

func (r *records) version(tx storage.Tx, name, digest string) (Version, error) {
	value, err := get(tx, versionKey(name, digest), name, "version", digest)
	if err != nil {
		return Version{}, err
	}
	return r.versions.decode(value, name, "version", digest)
}

func (r *records) agent(tx storage.Tx, p place) (Agent, error) {
	record, err := r.record(tx, p.name)
	if err != nil {
		return Agent{}, err
	}
	return r.withVersion(tx, p, record)
}

func (r *records) withVersion(tx storage.Tx, p place, record agentRecord) (Agent, error) {
	current, err := r.version(tx, p.name, record.Current)
	if err != nil {
		return Agent{}, err
	}
	return Agent{
		Tenant: p.tenant, Name: p.name, Visibility: record.Visibility, Protocols: record.spoken(),
		Current: current, Overrides: record.Overrides, Created: record.Created, Updated: record.Updated,
	}, nil
}

// listed makes an agent of an item of the space "agent".
func (r *records) listed(tx storage.Tx, tenant string, item storage.Item) (Agent, error) {
	key := storage.ReadKey(item.Key)
	key.Str()
	name := key.Str()
	if err := key.Err(); err != nil {
		return Agent{}, err
	}
	record, err := r.agents.decode(item.Value, name)
	if err != nil {
		return Agent{}, err
	}
	return r.withVersion(tx, place{tenant, name}, record)
}

func (r *records) allVersions(tx storage.Tx, name string) (list []Version, err error) {
	for item, err := range tx.Scan(versionsKey(name), nil) {
		if err != nil {
			return nil, err
		}
		v, err := r.versions.decode(item.Value, "a version of", name)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// digests lists the versions of an agent without decoding them, because it runs
// within updates, which all others wait for.
func digests(tx storage.Tx, name string) (list []string, err error) {
	prefix := versionsKey(name)
	for item, err := range tx.Scan(prefix, nil) {
		if err != nil {
			return nil, err
		}
		key := storage.ReadKey(item.Key[len(prefix):])
		list = append(list, key.Str())
		if err := key.Err(); err != nil {
			return nil, err
		}
	}
	return list, nil
}
