package atsite

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"branchpoint/integration/sim"
	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/site"
)

// newMP starts a management point of the site PS1, with another one in it and one of another site.
func newMP(t *testing.T, change func(*sim.MPSettings)) *sim.ManagementPoint {
	t.Helper()
	ca, err := sim.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	config := sim.ManagementPointConfig{Name: "MP1", CA: ca, Library: sim.NewLibrary(), Others: []sim.ListedMP{
		{Name: "MP2", FQDN: "MP2.example.org", SiteCode: "PS1"}, {Name: "MP3", FQDN: "mp3.example.org", SiteCode: "XYZ"},
	}}
	mp, err := sim.NewManagementPoint(config)
	if err == nil {
		err = mp.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mp.Close() })
	if change != nil {
		if err := mp.Change(change); err != nil {
			t.Fatal(err)
		}
	}
	return mp
}

// TestMeet: who answers is known before anything is registered there.
func TestMeet(t *testing.T) {
	mp := newMP(t, func(s *sim.MPSettings) { s.RequireAuthenticator = []string{"ccm_system_altauth"} })
	says := func(status int, body string) string {
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://login.example.org/")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(web.Close)
		return web.URL
	}
	for _, test := range []struct {
		name, at, more, code string
		want                 string // in the error; empty: none
		version              bool
	}{
		{"ours", mp.URL("http"), "", "PS1", "", true},
		{"a directory that tells strangers nothing", mp.URL("http"), ", directory: ccm_system_altauth", "PS1", "", false},
		{"of another site", mp.URL("http"), "", "XYZ", `it is a management point of the site "PS1", and site.code is XYZ`, false},
		{"something else", says(404, "no"), "", "PS1", "it is no management point: ", false},
		{"a server that does not know the verb", says(501, ""), "", "PS1", "it is no management point: ", false},
		{"a captive portal", says(200, "<html>Please log in</html>"), "", "PS1", "it is no management point: ", false},
		{"one that leads there", says(302, ""), "", "PS1", "it is no management point: ", false},
		{"one that wants something", says(403, "403.7"), "", "PS1", ccm.ErrCertificateRequired.Error(), false},
		{"away", "http://127.0.0.1:1", "", "PS1", ccm.ErrUnreachable.Error(), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			e, err := Open(parse(t, "site: {code: "+test.code+", management_point: '"+test.at+"'"+test.more+"}"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			met, err := e.Meet(t.Context(), ManagementPoint, test.code)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Fatalf("%+v, %v, want %q", met, err, test.want)
			}
			if err == nil && (!slices.Equal(met.ManagementPoints, []string{"127.0.0.1", "mp2.example.org"}) || met.Of != "PS1" || (met.Version != "") != test.version) {
				t.Errorf("got %+v", met)
			}
		})
	}
	if clients := mp.Clients(); len(clients) > 0 {
		t.Errorf("the site knows %+v", clients)
	}
}

// TestTheSiteIsKnownWithoutIt: what its documents say outlives the line to it, and a restart.
func TestTheSiteIsKnownWithoutIt(t *testing.T) {
	mp, folder := newMP(t, nil), filepath.Join(t.TempDir(), "documents")
	c := parse(t, "site: {code: PS1, management_point: '"+mp.URL("http")+"'}")
	describe := func(documents string) (site.Description, error) {
		t.Helper()
		e, err := Open(c, Options{Documents: documents})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		k := e.Keeping(ManagementPoint)
		said, err := k.Describe(t.Context())
		met := k.Documents(t.Context())
		met.Version = said.Version
		return met, err
	}
	there, err := describe(folder)
	if err != nil || there.Of != "PS1" || there.Version == "" || len(there.ManagementPoints) != 2 || len(there.SigningCertificate) != 40 {
		t.Fatalf("%+v, %v", there, err)
	}
	mp.Kill()
	kept, err := describe(folder)
	if !errors.Is(err, ccm.ErrUnreachable) || kept.Of != there.Of || !slices.Equal(kept.ManagementPoints, there.ManagementPoints) ||
		kept.SigningCertificate != there.SigningCertificate || kept.Version != "" {
		t.Errorf("without the site: %+v, %v", kept, err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := describe(filepath.Join(file, "documents")); !errors.Is(err, ccm.ErrUnreachable) {
		t.Errorf("where nothing can be kept: %v", err)
	}
	if got, err := describe(""); !errors.Is(err, ccm.ErrUnreachable) || got.Of != "" || got.ManagementPoints != nil || got.SigningCertificate != "" {
		t.Errorf("without the site and a folder: %+v, %v", got, err)
	}
}
