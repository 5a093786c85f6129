package push

import "net/http"

// Reach has webhooks reached through t. It is called before Run.
func (p *Pusher) Reach(t http.RoundTripper) { p.client = &http.Client{Transport: t} }
