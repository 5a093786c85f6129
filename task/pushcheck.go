package task

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
)

// SigningSecret begins a token that signs what is sent and is never sent itself,
// as Standard Webhooks has it: "whsec_" and base64 of 24 to 64 bytes.
const SigningSecret = "whsec_"

// checkPushConfig tells what is wrong with a config; field is its path in the
// request, with a dot at the end. What goes into a header cannot end its line.
func (m *Manager) checkPushConfig(c *a2apb.TaskPushNotificationConfig, field string) error {
	wrong := func(name, format string, args ...any) error {
		return &FieldError{field + name, fmt.Sprintf(format, args...)}
	}
	if err := m.opts.Push.CheckURL(c.GetUrl()); err != nil {
		return wrong("url", "%s", err)
	}
	switch auth := c.GetAuthentication(); {
	case len(c.GetId()) > MaxID || !printable(c.GetId()):
		return wrong("id", "must be of at most %d printable bytes", MaxID)
	case len(c.GetToken()) > MaxPushSecret || !headerValue(c.GetToken()):
		return wrong("token", "must be of at most %d printable ASCII characters", MaxPushSecret)
	case !validSecret(c.GetToken()):
		return wrong("token", "begins with %s and must go on with base64 of 24 to 64 bytes", SigningSecret)
	case auth != nil && (len(auth.Scheme) > MaxPushScheme || !headerToken(auth.Scheme)):
		return wrong("authentication.scheme", "must be an HTTP authentication scheme, for example Bearer")
	case len(auth.GetCredentials()) > MaxPushSecret || !headerValue(auth.GetCredentials()):
		return wrong("authentication.credentials", "must be of at most %d printable ASCII characters", MaxPushSecret)
	}
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// headerValue reports whether s may be part of a header's value as it is.
func headerValue(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) && strings.TrimSpace(s) == s
}

// headerToken reports whether s is a token as RFC 9110 has it.
func headerToken(s string) bool {
	const others = "!#$%&'*+-.^_`|~"
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		alnum := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !alnum && !strings.ContainsRune(others, r)
	})
}

func validSecret(token string) bool {
	text, signs := strings.CutPrefix(token, SigningSecret)
	if !signs {
		return true
	}
	secret, err := base64.StdEncoding.DecodeString(text)
	return err == nil && len(secret) >= 24 && len(secret) <= 64
}
