package agent

import (
	"encoding/json"
	"errors"
	"fmt"
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
//	agent-place/<tenant>/<name>          empty: the agent is there
var (
	agentsKey = storage.NewKey("agent")
	placesKey = storage.NewKey("agent-place")
)

func agentKey(name string) storage.Key           { return agentsKey.Str(name) }
func versionsKey(name string) storage.Key        { return storage.NewKey("version").Str(name) }
func versionKey(name, digest string) storage.Key { return versionsKey(name).Str(digest) }
func moduleKey(digest string) storage.Key        { return storage.NewKey("module").Str(digest) }
func refsKey(digest string) storage.Key          { return storage.NewKey("module-ref").Str(digest) }
func placeKey(tenant, name string) storage.Key   { return placesKey.Str(tenant).Str(name) }
func refKey(digest, tenant, name string) storage.Key {
	return refsKey(digest).Str(tenant).Str(name)
}

type agentRecord struct {
	Visibility Visibility `json:"visibility"`
	Current    string     `json:"current"`
	// Versions counts the versions ever made, so that numbers are not used twice.
	Versions int       `json:"versions"`
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`
}

// place is where an agent is.
type place struct{ tenant, name string }

func readPlace(key []byte) (place, error) {
	r := storage.ReadKey(key)
	r.Str()
	p := place{tenant: r.Str(), name: r.Str()}
	return p, r.Err()
}

func putJSON(tx storage.Tx, key storage.Key, v any) error {
	value, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.Set(key, value)
}

// getJSON decodes the record at key into v; what names it in errors.
func getJSON(tx storage.Tx, key storage.Key, v any, what string) error {
	value, err := tx.Get(key)
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("%w: %s", ErrNotFound, what)
	}
	if err != nil {
		return err
	}
	return decodeJSON(value, v, what)
}

func decodeJSON(value []byte, v any, what string) error {
	if err := json.Unmarshal(value, v); err != nil {
		return fmt.Errorf("agent: record of %s: %w", what, err)
	}
	return nil
}

func getRecord(tx storage.Tx, name string) (record agentRecord, err error) {
	err = getJSON(tx, agentKey(name), &record, name)
	return record, err
}

func getVersion(tx storage.Tx, name, digest string) (v Version, err error) {
	err = getJSON(tx, versionKey(name, digest), &v, name+" version "+digest)
	return v, err
}

func getAgent(tx storage.Tx, tenant, name string) (Agent, error) {
	record, err := getRecord(tx, name)
	if err != nil {
		return Agent{}, err
	}
	return record.agent(tx, tenant, name)
}

// loadAgent makes an agent of an item of the space "agent".
func loadAgent(tx storage.Tx, tenant string, item storage.Item) (Agent, error) {
	key := storage.ReadKey(item.Key)
	key.Str()
	name := key.Str()
	if err := key.Err(); err != nil {
		return Agent{}, err
	}
	var record agentRecord
	if err := decodeJSON(item.Value, &record, name); err != nil {
		return Agent{}, err
	}
	return record.agent(tx, tenant, name)
}

func (r agentRecord) agent(tx storage.Tx, tenant, name string) (Agent, error) {
	current, err := getVersion(tx, name, r.Current)
	if err != nil {
		return Agent{}, err
	}
	return Agent{Tenant: tenant, Name: name, Visibility: r.Visibility, Current: current, Created: r.Created, Updated: r.Updated}, nil
}

func allVersions(tx storage.Tx, name string) (list []Version, err error) {
	for item, err := range tx.Scan(versionsKey(name), nil) {
		if err != nil {
			return nil, err
		}
		var v Version
		if err := decodeJSON(item.Value, &v, "a version of "+name); err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}
