package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

func TestReload(t *testing.T) {
	problem := ConfigProblem{File: "box.yaml", Line: 3, Column: 5, Path: "cache.max_bytes", Message: "too little"}
	for name, c := range map[string]struct {
		done   Reloaded
		err    error
		status int
		want   string
	}{
		"done":      {Reloaded{[]string{"log.level"}, []string{"admin.address"}}, nil, 200, `{"changed":["log.level"],"need_restart":["admin.address"]}`},
		"no change": {Reloaded{}, nil, 200, `{"changed":[],"need_restart":[]}`},
		"rejected": {Reloaded{}, &Rejected{Reason: "no such file"}, 422,
			`{"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"no such file; what was in force stays so"}`},
		"problems": {Reloaded{}, &Rejected{"a problem", []ConfigProblem{problem, {Message: "another"}}}, 422,
			`{"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"a problem; what was in force stays so",` +
				`"problems":[{"file":"box.yaml","line":3,"column":5,"path":"cache.max_bytes","message":"too little"},{"message":"another"}]}`},
		"a bug": {Reloaded{}, errors.New("canary"), 500,
			`{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"internal error; the log says more"}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			calls := 0
			s.reload = func() (Reloaded, error) { calls++; return c.done, c.err }
			server := s.server(t)
			resp := ask(t, server, "POST", "/api/v1/reload", "", "Authorization", "Bearer "+testSecret)
			if got := readAll(t, resp); resp.StatusCode != c.status || strings.TrimSpace(got) != c.want || calls != 1 {
				t.Errorf("%s after %d reloads: %s\nwant %s", resp.Status, calls, got, c.want)
			}
			if resp := ask(t, server, "GET", "/api/v1/reload", "", "Authorization", "Bearer "+testSecret); resp.StatusCode != http.StatusMethodNotAllowed || calls != 1 {
				t.Errorf("GET: %s", resp.Status)
			}
		})
	}
}

// TestRejectedComesBack: a client of the API gets what the server had.
func TestRejectedComesBack(t *testing.T) {
	want := []ConfigProblem{{"f", 1, 2, "p", "m"}, {Message: "m"}}
	text, err := json.Marshal(Problem{Problems: want})
	if err != nil {
		t.Fatal(err)
	}
	var got Problem
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got.Problems, want) {
		t.Errorf("%s is read as %+v, %v", text, got.Problems, err)
	}
}
