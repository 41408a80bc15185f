package sim

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestContentServiceRefuses(t *testing.T) {
	tokens, err := NewTokens(TokensConfig{})
	if err != nil {
		t.Fatal(err)
	}
	k := newTestCloud(t, ContentServiceConfig{RefusedStatus: 400, CacheControl: "public, max-age=3600"})
	strict := newTestCloud(t, ContentServiceConfig{Tokens: tokens})
	c := newHTTPClient(t, k.storage.config.CA)
	target := func(k cloud, segment string) string {
		_, _, target, _ := splitURL(k.Locate(clientA, segment).URL.Reveal())
		return target
	}
	good := target(k, testPackage)
	for name, tt := range map[string]struct {
		method, target string
		status         int
	}{
		"good":             {"GET", good, 200},
		"another client":   {"GET", strings.Replace(good, clientA, clientB, 1), 400},
		"another content":  {"GET", strings.Replace(good, "cid="+testPackage, "cid="+testApp, 1), 400},
		"no signature":     {"GET", good[:strings.Index(good, "&sig=")], 400},
		"broken signature": {"GET", good[:strings.Index(good, "&sig=")] + "&sig=%zz", 400},
		"no such content":  {"GET", target(k, "PS100099"), 404},
		"no such path":     {"GET", strings.Replace(good, "getcontentxmlsecure", "other", 1), 404},
		"PROPFIND":         {"PROPFIND", good, 405},
	} {
		resp, body := mustRequest(t, c, tt.method, k.URL("https"), tt.target)
		if resp.StatusCode != tt.status || (resp.Header.Get("Cache-Control") != "") != (tt.status == 200) {
			t.Errorf("%s: %d, want %d: %.200s", name, resp.StatusCode, tt.status, body)
		}
	}
	if !strings.HasPrefix(good, manifestPath+"?pid=PS100015&cid=PS100015&tid=GUID:"+clientA+"&iss=CMDP.BRANCH.EXAMPLE&alg="+sha256RSA+"&st=20") {
		t.Errorf("location %s", good)
	}
	k.clock.advance(8 * time.Hour)
	if resp, _ := mustRequest(t, c, "GET", k.URL("https"), good); resp.StatusCode != 400 {
		t.Errorf("after its time: %d", resp.StatusCode)
	}
	if r := strict.client(t, nil).Download(t.Context(), strict.Locate(clientA, testPackage)); r.Err == nil || !strings.Contains(r.Err.Error(), "401") {
		t.Errorf("without a token: %v", r.Err)
	}
	for name, c := range map[string]ContentServiceConfig{
		"no storage": {Name: "x", CA: k.storage.config.CA}, "no name": {Storage: k.storage, CA: k.storage.config.CA},
		"status": {Name: "x", Storage: k.storage, CA: k.storage.config.CA, RefusedStatus: 500},
		"life":   {Name: "x", Storage: k.storage, CA: k.storage.config.CA, Life: -1},
		"no CA":  {Name: "x", Storage: k.storage},
	} {
		if _, err := NewContentService(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzReadCloudManifest(f *testing.F) {
	var b bytes.Buffer
	want := CloudFile{"PS100015", 1, `a & "b"/c`, 5, NewSecret("https://h/c/p?sig=x&y=%2F")}
	if err := WriteCloudManifest(&b, []CloudFile{want}); err != nil {
		f.Fatal(err)
	}
	files, err := ReadCloudManifest(bytes.NewReader(b.Bytes()))
	if err != nil || len(files) != 1 || files[0].URL.Reveal() != want.URL.Reveal() || files[0].Path != want.Path || files[0].Size != 5 {
		f.Fatalf("%+v, %v", files, err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("<a"))
	f.Add([]byte(`<ContentManifest><File Size="-1"/></ContentManifest>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		files, err := ReadCloudManifest(bytes.NewReader(text))
		for _, file := range files {
			if err != nil || file.Path == "" || file.Size < 0 || !strings.HasPrefix(file.URL.Reveal(), "https://") {
				t.Errorf("%+v, %v", file, err)
			}
		}
	})
}
