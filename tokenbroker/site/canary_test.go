package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/tokenbroker"
	"branchpoint/tokenbroker/ccm"
)

// TestNothingLeaks lets a site meet secrets in every place where one may be, and looks for them wherever something is shown.
func TestNothingLeaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &clouds{serve: func(context.Context, string, string, string) (int, string, error) {
			return 200, listOf("https://store/c/", "a"), nil
		}}
		mp, cmg := &fake{}, &fake{}
		mp.token = func(context.Context, ccm.Content) (ccm.Token, error) { return tokenOf(t, "m"+canary, time.Hour), nil }
		mp.locate = func(_ context.Context, c ccm.Content) (ccm.Locations, error) {
			cloud, dp := inCloudAt(t, "cloud", "sig="+canary), onDP("dp1", c)
			cloud.Token, dp.Token = tokenOf(t, "c"+canary, time.Hour), tokenOf(t, "d"+canary, time.Hour)
			return ccm.Locations{List: []ccm.Location{cloud, dp}, Token: dp.Token, TokenError: errors.New(canary), Unknown: []string{"A/@B"}}, nil
		}
		cmg.locate = func(context.Context, ccm.Content) (ccm.Locations, error) {
			return ccm.Locations{}, fmt.Errorf("a source of tokens said %s", canary)
		}
		cmg.confirm = func(context.Context) (ccm.Registration, error) { return ccm.Registration{}, errors.New(canary) }
		w := newWorld(t, Config{Manifests: manifests(t, service), Replies: replyReader(t)}, mp, cmg)

		var shown []any
		found, err := w.Locate(t.Context(), pkg("PS100001"), "mp")
		shown = append(shown, found, err)
		_, err = w.Locate(t.Context(), pkg("PS100001"), "cmg")
		shown = append(shown, err)
		known, _ := w.Known(pkg("PS100001"))
		files, err := w.List(t.Context(), found.List[0])
		shown = append(shown, known, files, err)
		urls, err := w.Elsewhere(t.Context(), BlobName{"store", "/c/a", 10})
		if err != nil || len(urls) != 1 || !strings.Contains(urls[0].Reveal(), canary) {
			t.Errorf("elsewhere: %v (%v)", urls, err)
		}
		shown = append(shown, urls)
		token, err := w.Source("mp").Token(t.Context(), "site")
		if !strings.Contains(reveal(token), canary) {
			t.Errorf("the source gives %v (%v)", token, err)
		}
		shown = append(shown, token, w.Source("mp"), w.Check(t.Context()))
		w.Source("mp").(tokenbroker.Forgetter).Forget("site", token)
		w.Passed(pkg("PS100001"), passingReply("https://cloud/downloadrestservice.svc/x?sig="+canary, canary), true, false)
		w.Passed(pkg("PS100001"), "<"+canary+">", true, false)
		w.ListPassed("cloud", "/downloadrestservice.svc/x?sig="+canary, []byte(listOf("https://store/c/", "a")+canary))
		w.ListPassed("cloud", "/x?cid=PS100001.1&sig="+canary, []byte("<M><File Path='"+canary+"'/></M>"))

		// Everything that is held, as somebody would print who debugs: no lock is held by anybody now.
		synctest.Wait()
		shown = append(shown, w.purse, w.atlas, w.lists, w.index, w.registration, w.terms.Load(), w.hosts, newTrouble("x", errors.New(canary)))
		for _, v := range shown {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				hidden(t, fmt.Sprintf("%T with %s", v, verb), fmt.Sprintf(verb, v))
			}
			if text, err := json.Marshal(v); err == nil {
				hidden(t, fmt.Sprintf("JSON of %T", v), string(text))
			}
		}
		for k, l := range map[string]list{"x": {files: files}} {
			hidden(t, k, fmt.Sprintf("%+v", l))
		}
		n, _, _ := w.purse.best("cloud", []string{"mp"}, time.Now())
		hidden(t, "note", fmt.Sprintf("%v %+v %#v", n, n, n))
	})
}

// hidden fails when text holds the canary, as it is or in the other ways in which fmt prints text.
func hidden(t *testing.T, where, text string) {
	t.Helper()
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), strings.Trim(fmt.Sprint([]byte(canary)), "[]")} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(form)) {
			t.Errorf("%s holds a secret: %.500s", where, text)
		}
	}
}

// TestTrouble checks what may be shown of an error, and what it still is.
func TestTrouble(t *testing.T) {
	wrapped := fmt.Errorf("send %s: %w", canary, ccm.ErrNotRegistered)
	for _, c := range []struct {
		name string
		err  error
		says string
		is   error
		kind kind
	}{
		{"of a client", problem(ccm.ErrUnreachable), "ask: there is no answer: the connection or the answer is broken", ccm.ErrUnreachable, "unreachable"},
		{"vouched for", fmt.Errorf("%s: %w", canary, tokenbroker.Failure("the secret of the application has expired")), "the secret of the application has expired", nil, "failed"},
		{"known, in an unknown text", wrapped, ccm.ErrNotRegistered.Error(), ccm.ErrNotRegistered, "not-registered"},
		{"unknown", errors.New(canary), "it failed, and nothing may be shown of the reason", nil, "failed"},
		{"too late", fmt.Errorf("%s: %w", canary, context.DeadlineExceeded), "it took too long", context.DeadlineExceeded, "timeout"},
		{"given up", context.Canceled, "it was given up", context.Canceled, "given-up"},
		{"in trouble", fmt.Errorf("%s: %w", canary, newTrouble("cmg: no", ccm.ErrGateway)), "cmg: no", ccm.ErrGateway, "gateway-refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := newTrouble(saying(c.err), c.err)
			if got.Error() != c.says || got.kind != c.kind || c.is != nil && !errors.Is(got, c.is) || !errors.Is(got, tokenbroker.ErrUnavailable) {
				t.Errorf("%q of kind %s, want %q of kind %s", got, got.kind, c.says, c.kind)
			}
			if vouched, ok := errors.AsType[tokenbroker.Failure](got); !ok || string(vouched) != c.says {
				t.Errorf("a chain would show %q", vouched)
			}
			hidden(t, "trouble", fmt.Sprintf("%v %+v %#v %v", got, got, got, got.Unwrap()))
		})
	}
	if got := allOf("x", nil).Error(); !strings.Contains(got, "no such way") {
		t.Errorf("without ways it is %q", got)
	}
}

// TestMetrics checks the series, and that a way that never answered has no age.
func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{}, &fake{locate: at(0, "a")}, &fake{locate: failing(ccm.ErrGateway)})
		w.wants(t, pkg("PS100001"), "mp", "a", 0)
		for range 3 {
			w.wants(t, pkg("PS100001"), "cmg", "error", 0) // asked once, and then left alone
		}
		elapse(90 * time.Second)
		families, err := w.registry.Gather()
		must(t, err)
		ages := map[string]float64{}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == "branchpoint_site_last_success_age_seconds" {
					ages[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
				}
			}
		}
		if len(ages) != 1 || ages["mp"] != 90 {
			t.Errorf("the ages are %v", ages)
		}
		if w.result(t, "mp", "ok") != 2 || w.result(t, "cmg", "gateway-refused") != 1 { // one was about the registration
			t.Errorf("counted %v and %v", w.result(t, "mp", "ok"), w.result(t, "cmg", "gateway-refused"))
		}
	})
}
