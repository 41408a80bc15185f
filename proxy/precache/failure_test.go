package precache

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/cache"
)

// TestOneBadFile checks that a file that cannot be had does not stop the others, and how often each is tried.
func TestOneBadFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[string][]byte{
			"good": data("good", 2*mib), "gone": data("gone", 100), "refused": data("refused", 100), "silent": data("silent", 100), "a:b": data("x", 5),
		})
		w.missing["gone"] = true
		w.fails["refused"] = fmt.Errorf("%w: status 403", cache.ErrRefused)
		w.fails["silent"] = fmt.Errorf("%w: dp1 is silent", cache.ErrUnreachable)
		b := newBox(t, w, nil)
		begun := time.Now()
		j := b.end(b.start(Request{Content: packageID, From: pointURL}).ID)
		if j.State != StateFailed || j.Reason != "4 of 5 files are not all there" {
			t.Errorf("the job is %q, %q", j.State, j.Reason)
		}
		wantResults(t, j, map[string]Result{
			"good": ResultFetched, "gone": ResultMissing, "refused": ResultFailed, "silent": ResultFailed, "a:b": ResultFailed,
		})
		reasons := map[string]string{
			"refused": "access to the object is refused: status 403", "silent": "no origin can be reached: dp1 is silent",
			"a:b": "no client could ask for a file of this name",
		}
		for _, f := range j.Files {
			if f.Reason != reasons[f.Path] {
				t.Errorf("%s: the reason is %q, want %q", f.Path, f.Reason, reasons[f.Path])
			}
		}
		for path, want := range map[string]int{"gone": 1, "refused": 1, "silent": 3} {
			if got := w.opened(path); got != want {
				t.Errorf("%s was asked for %d times, want %d", path, got, want)
			}
		}
		if took := j.Ended.Sub(begun); took < 2*fetchAgain || took > 3*fetchAgain {
			t.Errorf("it took %v", took)
		}
	})
}

// TestComesBack has a server that is silent at first.
func TestComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[string][]byte{"late": data("late", 100)})
		w.fails["late"] = cache.ErrUnreachable
		b := newBox(t, w, nil)
		id := b.start(Request{Content: packageID, From: pointURL}).ID
		b.rest()
		if j, _ := b.jobs.Job(id, 0, -1); j.State != StateFetching || j.Counts.Failed != 1 {
			t.Errorf("the job is %+v before the second try", j)
		}
		w.set(func() { delete(w.fails, "late") })
		if j := b.end(id); j.State != StateDone || j.Counts.Fetched != 1 || j.Files[0].Reason != "" {
			t.Errorf("the job is %+v", j)
		}
	})
}

// TestChanges has a file that is replaced while it is fetched.
func TestChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[string][]byte{"file": data("file", 3*mib)})
		gate := make(chan struct{})
		w.gates["file"] = gate
		b := newBox(t, w, nil)
		id := b.start(Request{Content: packageID, From: pointURL}).ID
		b.rest() // it is listed, and opened
		w.set(func() {
			w.breaks["file"] = fmt.Errorf("%w: it is newer", cache.ErrChanged)
			w.files["file"] = data("newer", 2*mib)
			delete(w.gates, "file")
		})
		close(gate)
		j := b.end(id)
		if j.State != StateDone || j.Size != 2*mib || j.Stored != 2*mib {
			t.Errorf("the job is %+v", j)
		}
		b.wantStored("http", "dp1.example", "/SMS_DP_SMSPKG$/PS100015/file", data("newer", 2*mib))
	})
}

func TestNobodyHasIt(t *testing.T) {
	nobody := func(string, int, string) ([]Place, error) { return nil, nil }
	for name, c := range map[string]struct {
		from    string
		find    func(id string, version int, way string) ([]Place, error)
		noSite  bool
		points  []string
		listErr error
		empty   bool
		want    string
	}{
		"no site, nothing configured": {noSite: true, want: "nobody is known who has it"},
		"no site, but asked for":      {noSite: true, from: "mp", points: []string{pointURL}, want: "no site is configured that could be asked who has it"},
		"the site is silent":          {want: "asking the site who has it: the site is silent"},
		"the site knows nobody":       {find: nobody, from: "cmg", want: "nobody is known who has it"},
		"the list fails":              {noSite: true, points: []string{pointURL}, listErr: errors.New("status 500"), want: "http://dp1.example/SMS_DP_SMSPKG$/PS100015: status 500"},
		"the list is empty":           {noSite: true, points: []string{pointURL}, empty: true, want: "http://dp1.example/SMS_DP_SMSPKG$/PS100015: its list is empty"},
		"none of two": {
			points: []string{"http://dp2.example", "http://dp3.example"},
			want:   "none of 2 places lists it; the last one, http://dp3.example/SMS_DP_SMSPKG$/PS100015: there is no such content",
		},
		"the site names nonsense": {
			find: func(string, int, string) ([]Place, error) {
				return []Place{{URL: "file://dp1/PS100015?sig=canary"}, {URL: "https://me:canary@dp1/SMS_DP_SMSPKG$/PS100015"}, {URL: "http://dp1/elsewhere?sig=canary"}}, nil
			},
			want: "none of 3 places lists it; the last one, http://dp1/elsewhere: its URL names no content",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(map[string][]byte{"file": data("file", 10)})
				w.find, w.listErr = c.find, c.listErr
				if c.empty {
					w.files = nil
				}
				b := newBox(t, w, func(config *Config) {
					config.Finder = w
					if c.noSite {
						config.Finder = nil
					}
					config.Points = func() []string { return c.points }
				})
				j := b.end(b.start(Request{Content: packageID, From: c.from}).ID)
				if j.State != StateFailed || j.Reason != c.want {
					t.Errorf("the job is %q: %q, want %q", j.State, j.Reason, c.want)
				}
				if log := b.log.String(); strings.Contains(log, "canary") {
					t.Errorf("the log holds a secret:\n%s", log)
				}
			})
		})
	}
}

// TestPlaces checks who is asked first.
func TestPlaces(t *testing.T) {
	folder := func(host string) Place {
		return Place{URL: "http://" + host + "/SMS_DP_SMSPKG$/Content_11111111-2222-3333-4444-555555555555.2"}
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[string][]byte{"file": data("file", 10)})
		w.find = func(string, int, string) ([]Place, error) {
			return []Place{folder("dp9.example"), folder("DP1.example")}, nil
		}
		b := newBox(t, w, func(c *Config) {
			c.Finder = w
			c.Points = func() []string {
				return []string{"http://dp1.example", "https://dp2.example:8443/CCMTOKENAUTH_SMS_DP_SMSPKG$/"}
			}
		})
		j := b.end(b.start(Request{Content: "Content_11111111-2222-3333-4444-555555555555", Version: 2}).ID)
		if j.State != StateDone || j.Place != folder("DP1.example").URL {
			t.Errorf("the job is %+v", j)
		}
		if len(w.finds) != 1 || w.finds[0] != `Content_11111111-2222-3333-4444-555555555555 2 ""` {
			t.Errorf("the site was asked for %q", w.finds)
		}
		a, err := understand(Request{Content: "Content_11111111-2222-3333-4444-555555555555.2"})
		if err != nil {
			t.Fatal(err)
		}
		list, err := b.jobs.places(t.Context(), a)
		if err != nil || len(list) != 3 || list[2].URL != "https://dp2.example:8443/CCMTOKENAUTH_SMS_DP_SMSPKG$/Content_11111111-2222-3333-4444-555555555555.2" {
			t.Errorf("the places are %+v, %v", list, err)
		}
	})
}

func TestTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[string][]byte{"a": data("a", 3*mib), "b": data("b", 2*mib)})
		b := &box{t: t, world: w, dir: t.TempDir(), log: &book{}, cache: func(c *cache.Config) { c.MaxBytes = 5 * mib }}
		b.open()
		defer b.close()
		j := b.end(b.start(Request{Content: packageID, From: pointURL}).ID)
		want := "the content takes 5251072 bytes in the cache, and the cache may hold 5242880 bytes in all (cache.max_bytes)"
		if j.State != StateFailed || j.Reason != want || len(w.ranges) > 0 {
			t.Errorf("the job is %q: %q after %v, want %q", j.State, j.Reason, w.ranges, want)
		}
	})
}

// TestDiskIsFull checks that no line is used for what the cache does not keep.
func TestDiskIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[string][]byte{"a": data("a", 40*mib), "b": data("b", 50*mib), "c": data("c", 60*mib)})
		b := &box{t: t, world: w, dir: t.TempDir(), log: &book{}, cache: func(c *cache.Config) { c.MinFreeBytes = 1 << 60 }}
		b.tune = func(c *Config) { c.Parallel = 1 }
		b.open()
		defer b.close()
		j := b.end(b.start(Request{Content: packageID, From: pointURL}).ID)
		wantResults(t, j, map[string]Result{"a": ResultFailed, "b": ResultFailed, "c": ResultFailed})
		if !strings.HasPrefix(j.Files[1].Reason, "the cache does not keep it: the cache is full: ") || j.Stored > 0 {
			t.Errorf("the job is %+v", j)
		}
		if w.opened("b")+w.opened("c") > 0 || w.opened("a") > 10 {
			t.Errorf("the servers were asked for %v", w.ranges)
		}
	})
}

// TestMakesRoomByItself has a job whose first files must go for its last ones, since others are in use.
func TestMakesRoomByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[string][]byte{"a": data("a", 3*mib), "b": data("b", 4*mib)})
		b := &box{t: t, world: w, dir: t.TempDir(), log: &book{}, cache: func(c *cache.Config) { c.MaxBytes = 8 * mib }}
		b.tune = func(c *Config) { c.Parallel = 1 }
		b.open()
		defer b.close()
		others := data("others", 3*mib)
		for _, client := range []string{"one", "another"} { // used twice, and so protected
			r, err := b.store.Open(t.Context(), cache.Key{Name: "others"}, bodySource(others), cache.Use{Client: client, Length: -1})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.WriteRange(discard{}, 0, int64(len(others))); err != nil {
				t.Fatal(err)
			}
			r.Close()
		}
		j := b.end(b.start(Request{Content: packageID, From: pointURL}).ID)
		wantResults(t, j, map[string]Result{"a": ResultFailed, "b": ResultFetched})
		if j.State != StateFailed || j.Files[0].Reason != "it was removed again to make room in the cache" || j.Stored != 4*mib {
			t.Errorf("the job is %+v", j)
		}
	})
}

// bodySource supplies one object.
func bodySource(body []byte) cache.Source {
	w := newWorld(map[string][]byte{"x": body})
	return w.only("x")
}

func (w *world) only(path string) cache.Source {
	o := &origin{world: w}
	o.target.ID.Path = path
	return o
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
