package egress

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

var goodURLs = []string{
	"https://example.com", "http://example.com/", "https://hooks.example.com:8443/a/b?token=x#f", "HTTPS://EXAMPLE.com/x",
	"http://127.0.0.1:8080/hook", "http://[::1]:8080/hook", "http://[::ffff:10.0.0.1]/", "http://hook", "http://my_service:8080/",
	"http://evil.io#@example.com:80:80/../", // it is evil.io for everybody
	"https://xn--bcher-kva.example/", "https://a-b.c-d.example", "http://1.example/", "http://0x7f.example/",
}

var badURLs = []string{
	"", "example.com", "//example.com/x", "/hook", "https:", "https://", "https:///x", "https:example.com", "https://:443/",
	"ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "unix:///var/run/docker.sock", "javascript:alert(1)",
	"https://user@example.com/", "https://user:secret@example.com/", "https://api.example.com@evil.io/", "https://@example.com/",
	"https://example.com:/", "https://example.com:0/", "https://example.com:65536/", "https://example.com:-1/", "https://example.com:x/",
	"https://example.com:22/", "http://example.com:6379x/", "http://mail.example.com:25/",
	"http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://017700000001/", "http://0177.0.0.1/", "http://127.1/", "http://127.0.0.01/",
	"http://1.2.3.4.5/", "http://256.1.1.1/", "http://127.0.0.1./", "http://example.com./", "http://localhost./", "http://.example.com/",
	"http://a..b/", "http://-a.example/", "http://a-.example/", "http://exa mple.com/", "http://exam%70le.com/", "http://bücher.example/",
	"http://①②⑦.0.0.1/", "http://[fe80::1%25eth0]/", "http://[::1", "http://::1/", "http://[example.com]/", "http://example.com\\@evil.io/",
	"http://example.com\r\nHost: evil.io/", "http://example.com\x00.evil.io/", "http://*/", "http://*.example.com/",
	"https://" + strings.Repeat("a", 64) + ".example/", "https://" + strings.Repeat("a.", 130) + "example/", "https://example.com/" + strings.Repeat("x", MaxURL),
}

func TestURLsOfTargets(t *testing.T) {
	t.Parallel()
	for _, raw := range goodURLs {
		if _, err := CheckURL(raw); err != nil {
			t.Errorf("%q: got %v", raw, err)
		}
	}
	for _, raw := range badURLs {
		if _, err := CheckURL(raw); err == nil {
			t.Errorf("%q was taken", raw)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error %q repeats it", raw, err)
		}
	}
}

func TestHostsThatAreGranted(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern, host string
		want          bool
	}{
		{"api.example.com", "api.example.com", true},
		{"api.example.com", "API.Example.Com", true},
		{"api.example.com", "api.example.com.evil.io", false},
		{"api.example.com", "xapi.example.com", false},
		{"*.example.com", "api.example.com", true},
		{"*.example.com", "a.b.example.com", true},
		{"*.example.com", "example.com", false},
		{"*.example.com", "evilexample.com", false},
		{"*.example.com", ".example.com", false},
		{"*", "example.com", false},
		{"*.", "example.com.", false},
		{"", "", true}, // no URL has an empty host
		{"*example.com", "evilexample.com", false},
	}
	for _, test := range tests {
		if got := matchHost(test.pattern, test.host); got != test.want {
			t.Errorf("%q and %q: got %t", test.pattern, test.host, got)
		}
	}
}

// What is taken has one reading: printed and read again it names the same host,
// which is an address or a plain name.
func FuzzCheckURL(f *testing.F) {
	for _, raw := range append(goodURLs, badURLs...) {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := CheckURL(raw)
		if err != nil {
			return
		}
		if u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
			t.Fatalf("%q was taken as %#v", raw, u)
		}
		again, err := url.Parse(u.String())
		if err != nil || again.Host != u.Host || again.Scheme != u.Scheme {
			t.Fatalf("%q is %q to one reader and %q to the next (%v)", raw, u.Host, again.Host, err)
		}
		host := u.Hostname()
		if _, err := netip.ParseAddr(host); err == nil {
			return
		}
		if i := strings.LastIndexAny(host, ".:"); strings.ContainsAny(host, "/\\@%:[]#? \t\r\n") || host[i+1:] == "" || numeric(host[i+1:]) {
			t.Fatalf("%q was taken with the host %q", raw, host)
		}
	})
}
