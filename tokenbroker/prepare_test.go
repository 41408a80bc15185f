package tokenbroker

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// reload puts a configuration into force.
func (w *world) reload(t *testing.T, config Config) {
	t.Helper()
	commit, err := w.Prepare(config)
	if err != nil {
		t.Fatalf("Prepare: %v", err)
	}
	commit()
}

func fileAt(t *testing.T, name, path string) *FileSource {
	t.Helper()
	s, err := NewFileSource(FileConfig{Name: name, Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func variableNamed(t *testing.T, variable string) *TaskSequenceSource {
	t.Helper()
	s, err := NewTaskSequenceSource(TaskSequenceConfig{Name: "task-sequence", Variable: variable})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPrepareRefusesAndChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := always("old", "secret-old", nil)
		w := newWorld(t, Config{Sources: []Source{old}})
		stamp := w.wants(t, "site", "secret-old")
		fresh := always("new", "secret-new", nil)
		for name, config := range map[string]Config{
			"ages":         {Sources: []Source{fresh}, MaxAge: -1},
			"refresh":      {Sources: []Source{fresh}, MaxAge: time.Minute, RefreshBefore: time.Hour},
			"presentation": {Sources: []Source{fresh}, Presentation: Presentation{HeaderFormat: "no place for it"}},
			"names":        {Sources: []Source{fresh, always("new", "x", nil)}},
			"nil":          {Sources: []Source{nil}},
		} {
			if commit, err := w.Prepare(config); err == nil || commit != nil {
				t.Errorf("%s: Prepare = %v, want an error and nothing to commit", name, err)
			}
		}
		if again := w.wants(t, "site", "secret-old"); again != stamp || fresh.count() != 0 || old.count() != 1 {
			t.Errorf("a refused configuration changed something: stamp %d, want %d; asked %d and %d times",
				again, stamp, fresh.count(), old.count())
		}
	})
}

func TestPrepareWithoutCommitChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := always("old", "secret-old", nil)
		w := newWorld(t, Config{Sources: []Source{old}})
		if _, err := w.Prepare(Config{Sources: []Source{always("new", "secret-new", nil)}}); err != nil {
			t.Fatal(err)
		}
		w.wants(t, "site", "secret-old")
	})
}

// TestReloadTakesTheTokenOfANewSource: nobody waits for it, and the old one is used until it is there.
func TestReloadTakesTheTokenOfANewSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := always("old", "secret-old", nil)
		w := newWorld(t, Config{Sources: []Source{old}})
		w.wants(t, "site", "secret-old")
		w.reload(t, Config{Sources: []Source{lasting("new", time.Hour, 20*time.Second)}})
		began := time.Now()
		w.wants(t, "site", "secret-old")
		if d := time.Since(began); d != 0 {
			t.Errorf("a request waited %v for a new source", d)
		}
		elapse(21 * time.Second)
		w.wants(t, "site", "new-1")
		w.wants(t, "other", "new-2")
		if n := old.count(); n != 1 {
			t.Errorf("a removed source was asked %d times, want once, before it was removed", n)
		}
	})
}

// TestReloadWhileASourceIsAsked: what it then brings is used, and the new sources are asked nevertheless.
func TestReloadWhileASourceIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Sources: []Source{lasting("old", time.Hour, 20*time.Second)}})
		first := make(chan string, 1)
		go func() {
			h := http.Header{}
			w.Authorize(t.Context(), "site", h)
			first <- h.Get("Authorization")
		}()
		elapse(time.Second)
		w.reload(t, Config{Sources: []Source{always("new", "secret-new", nil)}})
		w.wants(t, "site", "secret-new")
		elapse(20 * time.Second)
		if got := <-first; got != "Bearer old-1" && got != "Bearer secret-new" {
			t.Errorf("who waited for the old source got %q", got)
		}
		w.Authorize(t.Context(), "site", http.Header{})
		synctest.Wait()
		w.wants(t, "site", "secret-new")
	})
}

// TestReloadEndsAFailure: a failure is told again for a while, but not when other sources can be asked.
func TestReloadEndsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Sources: []Source{always("old", "", Failure("is broken"))}})
		w.wants(t, "site", "")
		w.reload(t, Config{Sources: []Source{always("new", "secret-new", nil)}})
		w.wants(t, "site", "secret-new")
	})
}

func TestReloadKeepsWhatSourcesRemember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := func(variable string) Config {
			return Config{Sources: []Source{NewRequestSource(), variableNamed(t, variable)}}
		}
		w := newWorld(t, config("One"))
		w.Observe("presented", bearer("of-a-client"))
		if err := w.Set("handed", "of-the-admin", time.Time{}); err != nil {
			t.Fatal(err)
		}
		for _, variable := range []string{"One", "One", "Two", "One"} {
			w.reload(t, config(variable))
		}
		w.wants(t, "presented", "of-a-client")
		w.wants(t, "handed", "of-the-admin")

		w.reload(t, Config{Sources: []Source{always("other", "", ErrUnavailable)}})
		w.reload(t, config("One"))
		elapse(failurePause)
		w.Refused("presented", w.wants(t, "presented", "of-a-client"))
		w.wants(t, "presented", "") // with its source, what it remembered went
	})
}

// TestReloadOfTheSameSourcesFetchesNothing: a thousand reloads are no thousand questions.
func TestReloadOfTheSameSourcesFetchesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := func() Config {
		command, err := NewCommandSource(CommandConfig{Name: "command", Argv: []string{"never-run"}})
		if err != nil {
			t.Fatal(err)
		}
		variable, err := NewEnvironmentSource(EnvironmentConfig{Name: "environment", Variable: "BRANCHPOINT_TEST_UNSET"})
		if err != nil {
			t.Fatal(err)
		}
		return Config{Sources: []Source{NewRequestSource(), variableNamed(t, "V"), variable, fileAt(t, "file", path), command}}
	}
	w := newWorld(t, config())
	stamp := w.wants(t, "site", "secret")
	for range 1000 {
		w.reload(t, config())
		if again := w.wants(t, "site", "secret"); again != stamp {
			t.Fatalf("the stamp of the same token went from %d to %d", stamp, again)
		}
	}
	if n := w.Status()[0].Refreshes; n != 1 {
		t.Errorf("the token was fetched %d times, want once", n)
	}
}

// TestReloadsOfASourceThatHangs: each of them would leave one more question behind.
func TestReloadsOfASourceThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := make(chan struct{})
		share := &stuckFile{FileSource: fileAt(t, "file", "/share/token"), back: back}
		w := newWorld(t, Config{Sources: []Source{share}})
		w.wants(t, "site", "")
		for range 100 {
			w.reload(t, Config{Sources: []Source{&stuckFile{FileSource: fileAt(t, "file", "/share/token"), back: back, asked: &share.again}}})
			elapse(failurePause)
			w.wants(t, "site", "")
		}
		if share.again != 0 {
			t.Errorf("a place that does not answer was asked %d times more", share.again)
		}
		close(back)
		synctest.Wait()
	})
}

// stuckFile is a file on a share that does not answer before back is closed.
type stuckFile struct {
	*FileSource
	back  chan struct{}
	again int
	asked *int
}

func (s *stuckFile) Token(context.Context, string) (Token, error) {
	if s.asked != nil {
		*s.asked++
	}
	<-s.back
	return Token{}, ErrUnavailable
}

func (s *stuckFile) inherit(old Source) bool {
	return s.FileSource.inherit(old.(*stuckFile).FileSource)
}

func TestReloadOfTheHeader(t *testing.T) {
	w := newWorld(t, Config{Sources: []Source{always("s", "secret", nil)}})
	w.wants(t, "site", "secret")
	w.reload(t, Config{
		Sources:      []Source{always("s", "secret", nil)},
		Presentation: Presentation{HeaderName: "X-Token", HeaderFormat: "T {token}"},
	})
	h := http.Header{}
	if _, err := w.Authorize(t.Context(), "site", h); err != nil {
		t.Fatal(err)
	}
	if got := h.Get("X-Token"); got != "T secret" || len(h) != 1 {
		t.Errorf("the header is %v, want X-Token: T secret", h)
	}
}

// wantsSecret is wants for a header of another name.
func (w *world) wantsSecret(t *testing.T, header, secret string) {
	t.Helper()
	h := http.Header{}
	if _, err := w.Authorize(t.Context(), "site", h); err != nil || h.Get(header) != "Bearer "+secret {
		t.Fatalf("header %v, %v; want %q", h, err, secret)
	}
}

// TestReloadAfterTheWrongHeader: what a server refused was the header and not the token.
func TestReloadAfterTheWrongHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := Config{Sources: []Source{always("s", "secret", nil), always("t", "other", nil)}, Presentation: Presentation{HeaderName: "X-Wrong"}}
		w := newWorld(t, config)
		stamp, err := w.Authorize(t.Context(), "site", http.Header{})
		if err != nil {
			t.Fatal(err)
		}
		w.Refused("site", stamp)
		w.wantsSecret(t, "X-Wrong", "other")
		w.reload(t, config)
		w.wantsSecret(t, "X-Wrong", "other")
		config.Presentation = Presentation{}
		w.reload(t, config)
		w.wants(t, "site", "other")
		synctest.Wait()
		w.wants(t, "site", "secret")
	})
}

func TestReloadOfTheAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := always("s", "secret", nil)
		w := newWorld(t, Config{Sources: []Source{src}, MaxAge: 8 * time.Hour})
		w.wants(t, "site", "secret")
		w.reload(t, Config{Sources: []Source{src}, MaxAge: time.Hour})
		w.wants(t, "site", "secret")
		synctest.Wait()
		if got, want := w.Status()[0].Expires, time.Now().Add(time.Hour); !got.Equal(want) {
			t.Errorf("the token ends at %v, want %v", got, want)
		}
	})
}

func TestDrop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Sources: []Source{NewRequestSource(), variableNamed(t, "V")}})
		for _, audience := range []string{"gone", "kept"} {
			w.Observe(audience, bearer("of-a-client"))
			if err := w.Set(audience, "of-the-admin", time.Time{}); err != nil {
				t.Fatal(err)
			}
			w.wants(t, audience, "of-a-client")
		}
		w.Drop("gone")
		w.Drop("never-there")
		var names []string
		for _, s := range w.Status() {
			names = append(names, s.Audience)
		}
		if !slices.Equal(names, []string{"kept"}) {
			t.Errorf("known are %v, want [kept]", names)
		}
		w.wants(t, "gone", "")
		w.wants(t, "kept", "of-a-client")
	})
}
