package sim

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// cloud is a content service with its storage, on a clock of their own.
type cloud struct {
	*ContentService
	storage *Storage
	clock   *testClock
	library *Library
}

func newTestCloud(t testing.TB, c ContentServiceConfig) cloud {
	t.Helper()
	k := cloud{clock: &testClock{now: time.Now()}, library: newSmallLibrary(t)}
	k.storage = newTestStorage(t, StorageConfig{Library: k.library, Now: k.clock.Now, Names: []string{"account.blob.test"}})
	c.Name, c.Storage, c.CA, c.Now, c.Names = "cmg", k.storage, k.storage.config.CA, k.clock.Now, []string{"cmg.test"}
	var err error
	if k.ContentService, err = NewContentService(c); err != nil {
		t.Fatal(err)
	}
	if err := k.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return k
}

func (k cloud) client(t testing.TB, change func(*CloudConfig)) *CloudClient {
	t.Helper()
	c := CloudConfig{BITS: BITSConfig{ClientConfig: ClientConfig{Library: k.library, RootCAs: k.storage.config.CA.Pool()},
		BlockSize: 100_000, RetryDelay: time.Millisecond, MaxRetries: 2}}
	if change != nil {
		change(&c)
	}
	client, err := NewCloudClient(c)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

const (
	clientA = "0a0a0a0a-0000-4000-8000-000000000001"
	clientB = "0b0b0b0b-0000-4000-8000-000000000002"
)

// TestCloudDownloads: every setting of what is not public, and every way.
func TestCloudDownloads(t *testing.T) {
	tokens, err := NewTokens(TokensConfig{Header: "X-Ccm"})
	if err != nil {
		t.Fatal(err)
	}
	proxy, requests := newProxy(t)
	for name, tt := range map[string]struct {
		service ContentServiceConfig
		change  func(cloud, *CloudConfig)
	}{
		"straight":          {ContentServiceConfig{}, nil},
		"by a proxy":        {ContentServiceConfig{}, func(_ cloud, c *CloudConfig) { c.BITS.Proxy = proxy }},
		"signed in header":  {ContentServiceConfig{SignatureHeader: "X-Signature"}, nil},
		"token":             {ContentServiceConfig{Tokens: tokens}, func(_ cloud, c *CloudConfig) { c.BITS.Token, c.BITS.TokenHeader = tokens.Issue(time.Hour), "X-Ccm" }},
		"without HEAD":      {ContentServiceConfig{}, func(k cloud, c *CloudConfig) { k.storage.SetHead(false); c.NoHead = true }},
		"made-up schema":    {ContentServiceConfig{Write: writeLines}, func(_ cloud, c *CloudConfig) { c.Read = readLines }},
		"whole files":       {ContentServiceConfig{}, func(_ cloud, c *CloudConfig) { c.BITS.BlockSize = NoRange }},
		"suspended at work": {ContentServiceConfig{}, func(_ cloud, c *CloudConfig) { c.BITS.SuspendEvery = 300_000 }},
		"elsewhere": {ContentServiceConfig{Host: "cmg.test", Addr: "127.0.0.1:0"}, func(k cloud, c *CloudConfig) {
			c.BITS.Resolve = map[string]string{strings.TrimPrefix(k.URL("https"), "https://"): k.Address("https")}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			k := newTestCloud(t, tt.service)
			client := k.client(t, func(c *CloudConfig) {
				if tt.change != nil {
					tt.change(k, c)
				}
			})
			r := client.Download(t.Context(), k.Locate(clientA, testPackage))
			whole := k.library.Versions(testPackage)[0].Size()
			if r.Err != nil || r.Bytes() != whole || len(r.Files) != 4 || r.ManifestTries != 1 {
				t.Errorf("%v, %d bytes of %d, %d files", r.Err, r.Bytes(), whole, len(r.Files))
			}
			if got := k.storage.Counters().BytesFor()[clientA]; got != r.Bytes() && name != "suspended at work" {
				t.Errorf("%v sent, %d received", got, r.Bytes())
			}
			checkCloudSecrets(t, k, r)
		})
	}
	if got := requests(); len(got) != 5 || !strings.HasPrefix(got[0], "CONNECT 127.0.0.1:") {
		t.Errorf("the proxy saw %q", got)
	}
}

// checkCloudSecrets looks for signatures in results and logs.
func checkCloudSecrets(t *testing.T, k cloud, r ContentResult) {
	t.Helper()
	if text := fmt.Sprintf("%+v %#v %v", r, r, r.Err); strings.Contains(text, "sig=") || strings.Contains(text, "se=20") || strings.Contains(text, "iss=") {
		t.Errorf("a result shows a signed URL: %.2000s", text)
	}
	for _, log := range []*Log{k.Log(), k.storage.Log()} {
		checkNoSecret(t, log, "sig", "se=", "iss=", k.storage.config.Key.Reveal())
	}
	if text := fmt.Sprintf("%+v %#v %+v", k.storage.config, k.config, k.Locate(clientA, testPackage)); strings.Contains(text, "sig=") ||
		strings.Contains(text, k.storage.config.Key.Reveal()) || strings.Contains(text, k.key.Reveal()) {
		t.Errorf("a configuration shows a secret: %s", text)
	}
}

// writeLines and readLines are a schema that is nothing like the other one.
func writeLines(w io.Writer, files []CloudFile) error {
	for _, f := range files {
		if _, err := fmt.Fprintf(w, "%s|%d|%d|%s|%s\n", f.Content, f.Version, f.Size, f.URL.Reveal(), f.Path); err != nil {
			return err
		}
	}
	return nil
}

func readLines(r io.Reader) (files []CloudFile, err error) {
	text, err := io.ReadAll(r)
	for line := range strings.Lines(string(text)) {
		var f CloudFile
		fields := strings.SplitN(strings.TrimSpace(line), "|", 5)
		if _, err := fmt.Sscan(fields[1], &f.Version); err != nil {
			return nil, err
		}
		if _, err := fmt.Sscan(fields[2], &f.Size); err != nil {
			return nil, err
		}
		f.Content, f.URL, f.Path = fields[0], NewSecret(fields[3]), fields[4]
		files = append(files, f)
	}
	return files, err
}

// TestCloudClientsHaveURLsOfTheirOwn: what is signed for one is not what is signed for another.
func TestCloudClientsHaveURLsOfTheirOwn(t *testing.T) {
	k := newTestCloud(t, ContentServiceConfig{})
	client := k.client(t, nil)
	for _, guid := range []string{clientA, clientB} {
		if r := client.Download(t.Context(), k.Locate(guid, testApp+".1")); r.Err != nil || k.storage.Counters().BytesFor()[guid] != 300_000 {
			t.Errorf("%v, %v", r.Err, k.storage.Counters().BytesFor())
		}
	}
	k.storage.Revoke(clientA)
	a, b := client.Download(t.Context(), k.Locate(clientA, testApp+".1")), client.Download(t.Context(), k.Locate(clientB, testApp+".1"))
	var refused *BITSError
	if !errors.As(a.Err, &refused) || refused.HRESULT != bitsForbidden || b.Err != nil || a.Files[0].Renewals != 2 {
		t.Errorf("revoked: %v after %d renewals; the other: %v", a.Err, a.Files[0].Renewals, b.Err)
	}
	checkCloudSecrets(t, k, a)
}

// TestCloudURLExpires: in the middle of a file, more than once.
func TestCloudURLExpires(t *testing.T) {
	for _, noHead := range []bool{false, true} {
		k := newTestCloud(t, ContentServiceConfig{BlobLife: time.Minute})
		bytes := 0
		client := k.client(t, func(c *CloudConfig) {
			c.NoHead = noHead
			c.BITS.Progress = func(n int) {
				if bytes += n; bytes > 300_000 {
					bytes = 0
					k.clock.advance(2 * time.Minute)
				}
			}
		})
		r := client.Download(t.Context(), k.Locate(clientA, testPackage))
		if r.Err != nil || r.Bytes() != k.library.Versions(testPackage)[0].Size() {
			t.Fatalf("%v, %d bytes", r.Err, r.Bytes())
		}
		if n := r.Files[0].Renewals; n < 3 || r.ManifestTries != 1+n+r.Files[1].Renewals+r.Files[2].Renewals+r.Files[3].Renewals {
			t.Errorf("%d renewals, %d manifests", n, r.ManifestTries)
		}
	}
}

// TestCloudBlobIsReplaced: in the middle of a file; the client begins again with what the manifest then tells.
func TestCloudBlobIsReplaced(t *testing.T) {
	for _, noHead := range []bool{false, true} {
		k := newTestCloud(t, ContentServiceConfig{})
		old := k.library.Versions(testPackage)[0]
		next := publish(t, k.library, testPackage, FileSpec{Path: "setup.exe", Size: 700_001})
		from, _ := old.File("setup.exe")
		to, _ := next.File("setup.exe")
		replaced := false
		client := k.client(t, func(c *CloudConfig) {
			c.NoHead = noHead
			c.BITS.Progress = func(int) {
				if replaced {
					return
				}
				if replaced = true; k.storage.Replace(from, to) != nil {
					t.Error("it cannot be replaced")
				}
			}
		})
		r := client.Download(t.Context(), k.Locate(clientA, testPackage+".1"))
		if r.Err != nil || r.Files[0].File != to || r.Files[0].Restarts != 1 {
			t.Errorf("without HEAD %v: %v, %+v", noHead, r.Err, r.Files[0].Troubles)
		}
	}
}

// TestCloudClientIsNotFooled: by bytes, sizes and manifests that are wrong.
func TestCloudClientIsNotFooled(t *testing.T) {
	for name, tt := range map[string]struct {
		fault *Fault
		write ManifestWriter
		wrong bool // bytes
	}{
		"corrupt":     {fault: &Fault{Kind: FaultCorrupt, Offset: 70_000}, wrong: true},
		"wrong size":  {fault: &Fault{Kind: FaultWrongSize}},
		"wrong range": {fault: &Fault{Kind: FaultWrongStart}},
		"wrong total": {fault: &Fault{Kind: FaultWrongTotal}},
		"empty":       {write: func(w io.Writer, _ []CloudFile) error { return WriteCloudManifest(w, nil) }},
		"cut": {write: func(w io.Writer, _ []CloudFile) error {
			_, err := io.WriteString(w, "<ContentManifest><File")
			return err
		}},
		"other size": {write: func(w io.Writer, f []CloudFile) error { f[0].Size++; return WriteCloudManifest(w, f) }, wrong: true},
		"unwritable": {write: func(io.Writer, []CloudFile) error { return errors.New("no") }},
	} {
		k := newTestCloud(t, ContentServiceConfig{Write: tt.write})
		if tt.fault != nil {
			if _, err := k.storage.Faults.Inject(*tt.fault); err != nil {
				t.Fatal(err)
			}
		}
		r := k.client(t, nil).Download(t.Context(), k.Locate(clientA, testPackage))
		if r.Err == nil || tt.wrong && !errors.Is(r.Err, errWrongBytes) {
			t.Errorf("%s: %v", name, r.Err)
		}
		checkCloudSecrets(t, k, r)
	}
	k := newTestCloud(t, ContentServiceConfig{})
	if _, err := NewCloudClient(CloudConfig{BITS: BITSConfig{ClientConfig: ClientConfig{Library: k.library}, BlockSize: NoRange}, NoHead: true}); err == nil {
		t.Error("a client that would notice no change is made")
	}
}

// TestTokenIsNotForTheStorage: the request for a blob carries nothing but its signature, and what is for a proxy is not sent
// within its tunnel.
func TestTokenIsNotForTheStorage(t *testing.T) {
	k := newTestCloud(t, ContentServiceConfig{})
	proxy, _ := newProxy(t)
	seen := make(chan http.Header, 100)
	k.storage.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { seen <- r.Header; k.storage.ServeHTTP(w, r) })
	k.storage.Kill()
	if err := k.storage.Revive(t.Context()); err != nil {
		t.Fatal(err)
	}
	client := k.client(t, func(c *CloudConfig) { c.BITS.Token, c.BITS.Proxy = NewSecret("canary"), proxy })
	if r := client.Download(t.Context(), k.Locate(clientA, testApp+".1")); r.Err != nil {
		t.Fatal(r.Err)
	}
	if len(seen) == 0 {
		t.Fatal("the storage saw nothing")
	}
	for len(seen) > 0 {
		if h := <-seen; h.Get("Authorization") != "" || h.Get("Proxy-Connection") != "" || h.Get("Connection") != "Keep-Alive" {
			t.Errorf("the storage saw %q", h)
		}
	}
}
