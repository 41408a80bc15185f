package upstream

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"

	"branchpoint/proxy/content"
)

// manifestHeaders are what a PROPFIND means besides its body (RFC 4918; Translate is IIS's).
var manifestHeaders = []string{"Content-Type", "Depth", "Translate"}

// Manifest puts a client's PROPFIND for the content or folder that t names to the token endpoint of the same DP, with our
// token. The caller has established that the client is entitled to what our token opens, and closes the answer's body.
// The answer is never kept, and names its files in the directory that the client asked, on the host that it asked, as its Host
// header has it. It is nil, without an error, when
// there is no token or no such endpoint, or it failed a moment ago, or when the DP refuses that too: the client is then to have the DP's answer to its
// own request.
func (p *Pool) Manifest(ctx context.Context, t content.Target, host string, body []byte) (*http.Response, error) {
	return p.now.Load().manifest(ctx, t, host, body)
}

func (p *pool) manifest(ctx context.Context, t content.Target, host string, body []byte) (*http.Response, error) {
	s := p.source(t, false)
	loc := s.site().insteadOf(s.named)
	if p.cfg.Tokens == nil || loc.audience == "" || t.Vdir == content.TokenAuth || loc.tokenAway.ahead() {
		return nil, nil
	}
	r := route{endpoint: loc.token, raw: t.WithVdir(p.cfg.TokenVdirs[0]), header: p.plainHeaders(t.Header)}
	for _, name := range manifestHeaders {
		if values := t.Header.Values(name); len(values) > 0 {
			r.header[name] = values
		}
	}
	bare := r.header
	k := keys{tokens: p.cfg.Tokens, audience: loc.audience, host: r.host}
	for range maxKeys {
		r.header = bare.Clone()
		if k.next(ctx, r.header) != nil {
			return nil, nil
		}
		resp, err := p.askText(ctx, r, "PROPFIND", body)
		if err != nil {
			p.tokenEndpointFailed(ctx, loc, err)
			return nil, fmt.Errorf("asking %s for the list of a content: %w", loc.label, err)
		}
		isList := resp.StatusCode == http.StatusMultiStatus
		again := k.answered(resp.StatusCode, isList)
		if isList {
			return resp, renameManifest(resp, t, host)
		}
		resp.Body.Close()
		if !again {
			return nil, nil
		}
	}
	return nil, nil
}

// maxManifest bounds an answer. Ten thousand files are a few MiB.
const maxManifest = 32 << 20

// tokenHref is how an answer of a token endpoint begins the name of a file. Whether the names are absolute is not public.
var tokenHref = regexp.MustCompile(`(?i)(https?://[^/<>"\s]+)?/CCMTOKENAUTH_(SMS_DP_SMSPKG)`)

// renameManifest makes the answer one of the directory and the host that the client asked: it would take names in another one
// for files of something else, or go there for them.
func renameManifest(resp *http.Response, t content.Target, host string) error {
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxManifest+1))
	if err != nil {
		return fmt.Errorf("reading the list of a content: %w", err)
	}
	if len(text) > maxManifest {
		return fmt.Errorf("the list of a content is longer than %d bytes", maxManifest)
	}
	if _, plain := content.HostPort(t.Scheme, host); !plain {
		host = hostHeader(endpoint{t.Scheme, t.Host})
	}
	base := t.Scheme + "://" + host
	folder := "/$2"
	if t.Vdir == content.NoCert {
		folder = "/NOCERT_$2"
	}
	text = tokenHref.ReplaceAllFunc(text, func(href []byte) []byte {
		to := folder
		if href[0] != '/' {
			to = base + folder
		}
		return tokenHref.ReplaceAll(href, []byte(to))
	})
	resp.Body = io.NopCloser(bytes.NewReader(text))
	resp.ContentLength = int64(len(text))
	resp.Header.Set("Content-Length", strconv.Itoa(len(text)))
	return nil
}
