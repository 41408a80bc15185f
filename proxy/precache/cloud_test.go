package precache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"branchpoint/cache"
)

const canary = "canary5f1e"

// signed is a Secret as a list has it.
type signed string

func (s signed) Reveal() string             { return string(s) }
func (signed) Format(f fmt.State, _ rune)   { fmt.Fprint(f, "redacted") }
func (signed) MarshalText() ([]byte, error) { return []byte("redacted"), nil }
func blobURL(path, query string) signed {
	return signed("https://acct.blob.core.windows.net/ps100015-1/" + path + "?" + query)
}
func isStorage(host string) bool { return strings.HasSuffix(host, ".blob.core.windows.net") }
func (w *world) cloudFiles(query string) (list []CloudFile) {
	for path, body := range w.files {
		query := query
		if path == "_" {
			query = "sig=" + canary // it is always good
		}
		list = append(list, CloudFile{path, int64(len(body)), blobURL(path, query)})
	}
	return list
}

// cloud is a cloud distribution point whose URLs have the query that ask returns.
func cloud(w *world, ask func(n int) (string, error)) func(string, int, string) ([]Place, error) {
	asked := 0
	place := Place{URL: "https://cmg.example/downloadrestservice.svc/getcontentxmlsecure?sig=" + canary, List: func(context.Context) ([]CloudFile, error) {
		asked++
		query, err := ask(asked)
		return w.cloudFiles(query), err
	}}
	return func(string, int, string) ([]Place, error) { return []Place{place}, nil }
}

// until is a query that is good for d from now on.
func until(d time.Duration) string {
	return "sv=2021-08-06&sr=b&sp=r&sig=" + canary + "&se=" + time.Now().UTC().Add(d).Format("2006-01-02T15:04:05Z")
}

func TestCloud(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[string][]byte{"Setup.exe": data("setup", 300), "media/Install.wim": data("install", 3*mib)})
		w.find = cloud(w, func(int) (string, error) { return until(time.Hour), nil })
		b := newBox(t, w, func(c *Config) { c.Finder, c.Storage = w, isStorage })
		j := b.end(b.start(Request{Content: packageID, From: "CMG"}).ID)
		if j.State != StateDone || j.Place != "https://cmg.example/downloadrestservice.svc/getcontentxmlsecure" || j.From != "cmg" {
			t.Errorf("the job is %+v", j)
		}
		wantResults(t, j, map[string]Result{"Setup.exe": ResultFetched, "media/Install.wim": ResultFetched})
		b.wantStored("https", "acct.blob.core.windows.net", "/ps100015-1/media/Install.wim?sig=another", w.files["media/Install.wim"])
		if len(w.finds) != 1 || w.finds[0] != `PS100015 0 "cmg"` {
			t.Errorf("the site was asked for %q", w.finds)
		}
	})
}

// TestSignedURLsEnd has URLs that end before their file's turn has come.
func TestSignedURLsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[string][]byte{"small": data("small", 100), "large": data("large", 8*mib), "largest": data("largest", 9*mib)})
		lists := 0
		w.find = cloud(w, func(n int) (string, error) {
			lists = n
			return until(2 * time.Minute), nil
		})
		w.pace = 3 * time.Second // of 64 KiB: each of the large ones takes longer than a URL is good for
		b := newBox(t, w, func(c *Config) { c.Finder, c.Storage, c.Parallel = w, isStorage, 1 })
		j := b.end(b.start(Request{Content: packageID}).ID)
		if j.State != StateDone || lists != 2 {
			t.Errorf("after %d lists the job is %+v", lists, j)
		}
	})
}

// TestSignedURLsAreRefused has URLs that the storage does not take: the list is asked for once more, and not for each file.
func TestSignedURLsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		renew func() (string, error)
		want  State
	}{
		"the next ones are good": {func() (string, error) { return until(time.Hour), nil }, StateDone},
		"so are the next ones":   {func() (string, error) { return "sig=spent" + canary, nil }, StateFailed},
		"there is no next list":  {func() (string, error) { return "", errors.New("the gateway is silent") }, StateFailed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(map[string][]byte{"a": data("a", 100), "b": data("b", 200), "c": data("c", 300), "_": data("_", 9)})
				lists := 0
				w.find = cloud(w, func(n int) (string, error) {
					if lists = n; n == 1 {
						return "sig=spent" + canary, nil
					}
					return c.renew()
				})
				b := newBox(t, w, func(c *Config) { c.Finder, c.Storage, c.Parallel = w, isStorage, 1 })
				w.pace = relistAfter // the first file takes as long
				j := b.end(b.start(Request{Content: packageID}).ID)
				if j.State != c.want || lists != 2 {
					t.Errorf("after %d lists the job is %+v", lists, j)
				}
			})
		})
	}
}

func TestBlob(t *testing.T) {
	w := newWorld(nil)
	b := newBox(t, w, func(c *Config) { c.Storage = isStorage })
	for name, c := range map[string]struct{ url, want string }{
		"good":             {"https://acct.blob.core.windows.net/cont/a/b.exe?sig=" + canary, ""},
		"public":           {"https://acct.blob.core.windows.net/cont/a/b.exe", ""},
		"in clear":         {"http://acct.blob.core.windows.net/cont/a?sig=" + canary, "its URL in the list is not an https one"},
		"no URL":           {canary, "its URL in the list is not an https one"},
		"user information": {"https://" + canary + "@acct.blob.core.windows.net/cont/a", "its URL in the list is not an https one"},
		"no path":          {"https://acct.blob.core.windows.net?sig=/" + canary, "its URL in the list is not an https one"},
		"no blob":          {"https://acct.blob.core.windows.net/cont?sig=" + canary, "its URL in the list is not that of a blob"},
		"another right":    {"https://acct.blob.core.windows.net/cont/a?comp=list&sig=" + canary, "its URL in the list is not that of a blob"},
		"another host":     {"https://elsewhere.example/cont/a?sig=" + canary, "it is stored at elsewhere.example:443, which is not a storage service of the configuration"},
	} {
		t.Run(name, func(t *testing.T) {
			target, err := b.jobs.blob(CloudFile{"a", 1, signed(c.url)})
			switch {
			case c.want == "" && (err != nil || target.ID.Hierarchy == ""):
				t.Errorf("%v, %v", target, err)
			case c.want != "" && (err == nil || err.Error() != c.want):
				t.Errorf("the error is %v, want %s", err, c.want)
			}
		})
	}
	if _, err := b.jobs.blob(CloudFile{Path: "a"}); err == nil {
		t.Error("a file without a URL is taken")
	}
}

// TestNoSecretLeaks looks everywhere for the signature of a URL, whatever becomes of the job.
func TestNoSecretLeaks(t *testing.T) {
	for name, spoil := range map[string]func(w *world){
		"all is well": func(*world) {},
		"missing":     func(w *world) { w.missing["a"] = true },
		"silent":      func(w *world) { w.fails["a"] = cache.ErrUnreachable },
		"refused":     func(w *world) { w.find = cloud(w, func(int) (string, error) { return "sig=spent" + canary, nil }) },
		"elsewhere": func(w *world) {
			w.find = func(string, int, string) ([]Place, error) {
				return []Place{{URL: "https://cmg.example/x?" + canary, List: func(context.Context) ([]CloudFile, error) {
					return []CloudFile{{"a", 3, signed("https://host.example/c/a?sig=" + canary)}}, nil
				}}}, nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(map[string][]byte{"a": data("a", 3*mib)})
				w.find = cloud(w, func(int) (string, error) { return until(time.Hour), nil })
				spoil(w)
				registry := prometheus.NewPedanticRegistry()
				b := newBox(t, w, func(c *Config) { c.Finder, c.Storage, c.Registerer = w, isStorage, registry })
				j := b.start(Request{Content: packageID})
				b.rest()
				var said strings.Builder
				for _, j := range append(b.jobs.Jobs(), b.end(j.ID)) {
					text, err := json.Marshal(j)
					fmt.Fprintf(&said, "%s %v %v %+v %#v\n", text, err, j, j, j)
				}
				families, err := registry.Gather()
				fmt.Fprintln(&said, families, err, b.log.String())
				for _, name := range jobFiles(t, b) {
					text, err := os.ReadFile(filepath.Join(b.dir, "jobs", name))
					if err != nil {
						t.Fatal(err)
					}
					said.Write(text)
				}
				fmt.Fprintf(&said, "%+v %#v", CloudFile{"a", 1, blobURL("a", canary)}, j)
				if strings.Contains(said.String(), canary) {
					t.Errorf("the secret is told:\n%s", said.String())
				}
				if !strings.Contains(said.String(), packageID) {
					t.Error("nothing was looked at")
				}
			})
		})
	}
}
