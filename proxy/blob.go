package proxy

import (
	"net/http"

	"branchpoint/proxy/content"
)

// Content of the cloud is in blobs of a storage service. A client gets signed URLs of them in a manifest, which is passed on
// and never kept (memdocs, "client log files": downloadrestservice.svc/getcontentxmlsecure; its form is not public). Such a URL
// is the only thing that shows what a client may have, on listeners of every kind, and it is a secret.

// blob names the blob that a request asks for.
func (p *Proxy) blob(r *http.Request) (content.Target, bool) {
	hosts := p.terms.Load().blobHosts
	if len(hosts) == 0 || !content.PlainBlobRequest(r.Header) {
		return content.Target{}, false
	}
	if host, _ := splitHost(r); !matchesAny(hosts, host) {
		return content.Target{}, false
	}
	return content.ParseBlob(r.URL.Scheme, r.URL.Host, rawTarget(r))
}

// mustAsk tells whether nobody but its server can say who may have a target.
func mustAsk(t content.Target) bool { return t.ID.Share == content.Blob }
