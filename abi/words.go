package abi

import "fmt"

// CheckWords tells which word of the description is none of those there are for its
// place; nil when all are.
func (d Description) CheckWords() error {
	if d.Replies != "" && d.Replies != RepliesMessage {
		return fmt.Errorf("replies is %.40q; the accepted words are %q, and none at all for an agent that answers with tasks", d.Replies, RepliesMessage)
	}
	return nil
}
