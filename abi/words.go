package abi

import "fmt"

// Bounds of what is said of an agent, by its module or its owner: texts in bytes, the
// short ones being names, words and types, and lists in elements.
const (
	MaxName   = 200
	MaxText   = 4000
	MaxSkills = 50
	MaxWords  = 50
)

// CheckWords tells which word of the description is none of those there are for its
// place; nil when all are.
func (d Description) CheckWords() error {
	if d.Replies != "" && d.Replies != RepliesMessage {
		return fmt.Errorf("replies is %.40q; the accepted words are %q, and none at all for an agent that answers with tasks", d.Replies, RepliesMessage)
	}
	return nil
}
