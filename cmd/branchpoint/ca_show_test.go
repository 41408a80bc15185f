package main

import (
	"strings"
	"testing"
	"time"

	"branchpoint/proxy/authority"
)

func TestAdvice(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	yes, no := true, false
	good := authority.Description{NotAfter: now.AddDate(5, 0, 0)}
	next := &caCertificate{Description: good}
	const rotate, activate = "branchpoint ca rotate prepares a next one", "branchpoint ca rotate --activate"
	for _, test := range []struct {
		name   string
		report caReport
		want   []string // a text of each piece of advice
		remedy string   // in all of them
	}{
		{"all is well", caReport{Current: caCertificate{Description: good}, Previous: &caCertificate{Trusted: &no}}, nil, ""},
		{"nobody can say who trusts", caReport{Current: caCertificate{Description: good}, Previous: &caCertificate{}}, nil, ""},
		{"another user's key", caReport{Current: caCertificate{Description: good}, KeyError: "open ca.key: permission denied"},
			[]string{"Its key cannot be read by you: open ca.key: permission denied.\n"}, "the user that it runs as"},
		{"it expires", caReport{Current: caCertificate{Description: authority.Description{NotAfter: now.AddDate(0, 0, 30)}}},
			[]string{"It expires in 30 days."}, rotate},
		{"it has expired", caReport{Current: caCertificate{Description: authority.Description{NotAfter: now.Add(-time.Second)}}, Next: next},
			[]string{"It has expired: nothing is intercepted."}, activate},
		{"names", caReport{Current: caCertificate{Description: good}, Uncovered: []string{"dp2", "dp3"}},
			[]string{"tunnelled although the configuration names it: dp2, dp3."}, rotate},
		{"names, and a next one", caReport{Current: caCertificate{Description: good}, Uncovered: []string{"dp2", "dp3"}, Next: next},
			[]string{"dp2, dp3."}, activate},
		{"names, and a next one that is no better", caReport{
			Current: caCertificate{Description: good}, Uncovered: []string{"dp2", "dp3"}, Next: next, UncoveredByNext: []string{"dp3"},
		}, []string{"dp2, dp3."}, "The next one does not cover dp3 either: remove ca.next.key"},
		{"a rotation that is not over", caReport{Current: caCertificate{Description: good}, Previous: &caCertificate{Trusted: &yes}},
			[]string{"still trusts the one before"}, "branchpoint ca untrust --previous"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := test.report.advice(now)
			if len(got) != len(test.want) {
				t.Fatalf("the advice is %q, want %q", got, test.want)
			}
			for i, text := range got {
				if !strings.Contains(text, test.want[i]) || !strings.Contains(text, test.remedy) {
					t.Errorf("the advice is %q, want %q with %q", text, test.want[i], test.remedy)
				}
			}
		})
	}
}
