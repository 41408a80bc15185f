package tokenbroker

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/prometheus/client_golang/prometheus"
)

// canary is a secret that must not show up anywhere but in a request header.
const canary = "cAnArY-5f0e9d"

// clean fails when text holds the canary, in any of the ways in which fmt prints bytes.
func clean(t *testing.T, where, text string) {
	t.Helper()
	low := strings.ToLower(text)
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("% x", canary), fmt.Sprintf("%v", []byte(canary)),
		strings.Trim(fmt.Sprintf("%#v", []byte(canary)), "[]byte{}")} {
		if strings.Contains(low, strings.ToLower(form)) {
			t.Errorf("%s holds the token: %s", where, text)
		}
	}
}

// holders are values that hold a token in all the ways in which fmt treats fields differently.
func holders(tok Token) map[string]any {
	type hidden struct{ inner Token }
	type shown struct{ Inner Token }
	type deep struct {
		P  *Token
		p  *Token
		S  []Token
		m  map[string]Token
		I  any
		in any
	}
	return map[string]any{
		"token": tok, "pointer": &tok, "hidden": hidden{tok}, "hidden pointer": &hidden{tok}, "shown": shown{tok},
		"slice": []Token{tok}, "map": map[string]Token{"k": tok}, "array": [1]hidden{{tok}},
		"deep":   deep{&tok, &tok, []Token{tok}, map[string]Token{"k": tok}, tok, tok},
		"source": &RequestSource{&offerMemory{offers: filled(tok)}}, "audience": audience{token: tok}, "audience pointer": &audience{token: tok},
	}
}

func filled(tok Token) *simplelru.LRU[string, []offer] {
	r := newRecent[[]offer]()
	r.Add("k", []offer{{token: tok}})
	return r
}

func TestTokenCannotBePrinted(t *testing.T) {
	tok, err := NewToken(canary, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%#x", "%d", "%t", "%T", "%p", "%c", "%U", "%100v"} {
		for name, v := range holders(tok) {
			clean(t, verb+" of "+name, fmt.Sprintf(verb, v))
		}
		if got := fmt.Sprintf(verb, tok); got != redacted && verb != "%T" && verb != "%p" {
			t.Errorf("%s of a token prints %q", verb, got)
		}
	}
	text, err := tok.MarshalText()
	if err != nil || string(text) != redacted || tok.String() != redacted || tok.GoString() != redacted {
		t.Errorf("the methods of a token give %s, %v, %s, %s", text, err, tok.String(), tok.GoString())
	}
	for name, v := range holders(tok) {
		clean(t, "Sprint of "+name, fmt.Sprint(v)+fmt.Sprintln(v))
		clean(t, "an error with "+name, fmt.Errorf("bad: %v %+v", v, v).Error())
		text, _ := json.Marshal(v)
		clean(t, "JSON of "+name, string(text))
		var stream bytes.Buffer
		gob.NewEncoder(&stream).Encode(v) // most cannot be encoded, which is as good
		clean(t, "gob of "+name, stream.String())
		for _, handler := range []slog.Handler{slog.NewTextHandler(&stream, nil), slog.NewJSONHandler(&stream, nil)} {
			slog.New(handler).Info("x", "v", v, slog.Group("g", "v", v))
		}
		clean(t, "slog of "+name, stream.String())
		clean(t, "reflection on "+name, walk(reflect.ValueOf(v), 12))
	}
}

// walk prints all that reflection can reach from v, as an encoder with no regard for unexported fields would.
func walk(v reflect.Value, depth int) string {
	if depth == 0 || !v.IsValid() {
		return ""
	}
	var b strings.Builder
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		b.WriteString(walk(v.Elem(), depth-1))
	case reflect.Struct:
		for i := range v.NumField() {
			b.WriteString(walk(v.Field(i), depth-1))
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			b.WriteString(walk(v.Index(i), depth-1))
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			b.WriteString(walk(it.Key(), depth-1) + walk(it.Value(), depth-1))
		}
	case reflect.String:
		b.WriteString(v.String() + "\n")
	}
	return b.String()
}

func TestWalkReachesUnexportedStrings(t *testing.T) {
	type hidden struct{ p *struct{ s string } }
	if got := walk(reflect.ValueOf(hidden{&struct{ s string }{canary}}), 12); !strings.Contains(got, canary) {
		t.Errorf("walk found %q: it would not see a leak", got)
	}
}

func TestCanaryThroughTheBroker(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(canary+"\x01"+canary), 0o644); err != nil {
		t.Fatal(err)
	}
	leak := func(name string, answer func(context.Context) (Token, error)) Source {
		return &fake{name: name, answer: func(ctx context.Context, _ string, _ int) (Token, error) { return answer(ctx) }}
	}
	tests := []struct {
		name   string
		source Source
	}{
		{"success", always("a", canary, nil)},
		{"error with the secret", always("a", "", errors.New("POST failed: "+canary))},
		{"wrapped errors with the secret", always("a", "", fmt.Errorf("x %s: %w", canary, ErrUnavailable))},
		{"panic with the secret", leak("a", func(context.Context) (Token, error) { panic(canary) })},
		{"panic with an error", leak("a", func(context.Context) (Token, error) { panic(errors.New(canary)) })},
		{"end of the goroutine", leak("a", func(context.Context) (Token, error) { runtime.Goexit(); return Token{}, nil })},
		{"timeout", leak("a", func(ctx context.Context) (Token, error) {
			<-ctx.Done()
			return Token{}, fmt.Errorf("%s: %w", canary, ctx.Err())
		})},
		{"expired", leak("a", func(context.Context) (Token, error) { return NewToken(canary, time.Now().Add(-time.Hour)) })},
		{"file with two secrets", newFile(t, file)},
		{"request", NewRequestSource()},
		{"task sequence", newTaskSequence(t)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runCanary(t, tt.source) })
		})
	}
	t.Run("command", func(t *testing.T) { // a real process does not fit into a bubble
		t.Setenv(helperVariable, "fail")
		runCanary(t, newCommand(t, os.Args[0], 0))
	})
}

// runCanary takes the canary through everything that a broker does, and searches everything that comes out.
func runCanary(t *testing.T, source Source) {
	w := newWorld(t, Config{Sources: []Source{source}})
	inspect := func(where string, err error) {
		clean(t, where, fmt.Sprintf("%v %+v %#v", err, err, err))
		for ; err != nil; err = errors.Unwrap(err) {
			clean(t, where, fmt.Sprintf("%v %+v %#v", err, err, err))
		}
	}
	w.Observe("site", bearer(canary))
	w.Observe("site", bearer(canary+"\x01"))
	inspect("error of Set", w.Set("site", canary, time.Time{}))
	inspect("error of Set", w.Set("site", canary+"\n", time.Time{}))
	inspect("error of Set", w.Set("site", canary, time.Unix(1, 0)))
	for range 3 {
		stamp, err := w.Authorize(t.Context(), "site", http.Header{})
		inspect("error of Authorize", err)
		_, err = w.Another(t.Context(), "site", stamp, "dp", http.Header{})
		inspect("error of Another", err)
		w.Accepted("site", stamp)
		w.Refused("site", stamp)
	}
	_, err := w.Authorize(t.Context(), "site", http.Header{})
	inspect("error of Authorize", err)
	if err := w.Close(t.Context()); err != nil { // the last fetch may still be writing its line to the log
		t.Fatal(err)
	}

	clean(t, "the broker", fmt.Sprintf("%v %+v %#v", w.Broker, w.Broker, w.Broker))
	status, err := json.Marshal(w.Status())
	if err != nil || len(w.Status()) != 1 {
		t.Fatalf("status %s, %v; want one audience", status, err)
	}
	clean(t, "status", string(status)+fmt.Sprintf("%+v", w.Status()))
	clean(t, "metrics", scrape(t, w.registry))
	if w.log.Len() == 0 {
		t.Error("nothing was logged, so nothing was tested")
	}
	clean(t, "the log", w.log.String())
	stacks := make([]byte, 1<<20)
	clean(t, "a goroutine dump", string(stacks[:runtime.Stack(stacks, true)]))
}

// scrape is all metrics as text.
func scrape(t *testing.T, g prometheus.Gatherer) string {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range families {
		fmt.Fprintln(&b, f.String())
	}
	return b.String()
}
