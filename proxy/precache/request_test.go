package precache

import (
	"errors"
	"strings"
	"testing"

	"branchpoint/proxy/content"
)

const guid = "0a1b2c3d-0a1b-0A1B-0a1b-0a1b2c3d4e5f"

func TestUnderstand(t *testing.T) {
	for name, c := range map[string]struct {
		in     Request
		id     string
		number int
		folder string
		point  string
	}{
		"a package":                 {Request{Content: "PS100015"}, "PS100015", 0, "PS100015", ""},
		"of a version":              {Request{Content: "PS100015", Version: 7}, "PS100015", 7, "PS100015", ""},
		"a version in the URL":      {Request{Content: "PS100015.7"}, "PS100015", 7, "PS100015.7", ""},
		"both":                      {Request{Content: "PS100015.7", Version: 7}, "PS100015", 7, "PS100015.7", ""},
		"an application":            {Request{Content: "Content_" + guid}, "Content_" + guid, 1, "Content_" + guid + ".1", ""},
		"its third version":         {Request{Content: "content_" + guid, Version: 3}, "content_" + guid, 3, "content_" + guid + ".3", ""},
		"an update":                 {Request{Content: guid}, guid, 0, guid, ""},
		"an update in messages":     {Request{Content: "uid:" + guid}, guid, 0, guid, ""},
		"from the management point": {Request{Content: "PS100015", From: "MP"}, "PS100015", 0, "PS100015", ""},
		"from a point":              {Request{Content: "PS100015", From: "http://DP1"}, "PS100015", 0, "PS100015", "http://DP1/SMS_DP_SMSPKG$/PS100015"},
		"from its directory": {
			Request{Content: "PS100015", From: "https://dp1:8443/ccmtokenauth_sms_dp_smspkg%24/"}, "PS100015", 0, "PS100015",
			"https://dp1:8443/ccmtokenauth_sms_dp_smspkg%24/PS100015",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := understand(c.in)
			if err != nil || a.id != c.id || a.number != c.number || a.folder != c.folder || a.point != c.point {
				t.Errorf("%+v is understood as %+v, %v", c.in, a, err)
			}
		})
	}
}

func TestUnderstandRefuses(t *testing.T) {
	for name, in := range map[string]Request{
		"nothing":                {},
		"a word":                 {Content: "everything"},
		"a path":                 {Content: "PS100015/../PS100016"},
		"a long one":             {Content: strings.Repeat("P", 1000)},
		"an escape":              {Content: "PS10001%35"},
		"version zero":           {Content: "PS100015.0"},
		"version below zero":     {Content: "PS100015", Version: -1},
		"no version":             {Content: "PS100015.x"},
		"two versions":           {Content: "PS100015.7", Version: 8},
		"the content library":    {Content: "DataLib"},
		"another way":            {Content: "PS100015", From: "ftp://dp1"},
		"a word for a place":     {Content: "PS100015", From: canary},
		"a password":             {Content: "PS100015", From: "http://me:" + canary + "@dp1"},
		"a query":                {Content: "PS100015", From: "http://dp1/?sig=" + canary},
		"a fragment":             {Content: "PS100015", From: "http://dp1/#" + canary},
		"another directory":      {Content: "PS100015", From: "http://dp1/" + canary},
		"the content library's":  {Content: "PS100015", From: "http://dp1/SMS_DP_SMSPKG$/DataLib"},
		"the URL of the content": {Content: "PS100015", From: "http://dp1/SMS_DP_SMSPKG$/PS100015"},
		"a signature":            {Content: "PS100015", From: "http://dp1/SMS_DP_SMSSIG$"},
		"no host":                {Content: "PS100015", From: "http:///SMS_DP_SMSPKG$"},
		"a host of two lines":    {Content: "PS100015", From: "http://dp1\r\nx"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := understand(in)
			if !errors.Is(err, ErrRequest) || strings.Contains(err.Error(), canary) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// FuzzUnderstand checks that what is understood names exactly one content at a place that the request named.
func FuzzUnderstand(f *testing.F) {
	for _, seed := range []string{"", "PS100015", "PS100015.3", "Content_" + guid, "UID:" + guid, guid + ".1", "../PS100015", "PS100015?x"} {
		f.Add(seed, 0, "")
		f.Add(seed, 2, "https://dp1.example:8443/CCMTOKENAUTH_SMS_DP_SMSPKG$")
		f.Add(seed, -1, "http://u:p@dp1/?x#y")
	}
	f.Fuzz(func(t *testing.T, id string, version int, from string) {
		a, err := understand(Request{Content: id, Version: version, From: from})
		if err != nil {
			if !errors.Is(err, ErrRequest) {
				t.Errorf("%v is no ErrRequest", err)
			}
			return
		}
		plain, ok := content.ParseFolder("http", "dp", plainDirectory+"/"+a.folder)
		if !ok || a.number < 0 || a.id == "" || !strings.HasPrefix(strings.ToLower(a.folder), strings.ToLower(a.id)) {
			t.Fatalf("%q is understood as %+v", id, a)
		}
		if a.point == "" {
			return
		}
		scheme, host, raw, ok := splitURL(a.point)
		at, good := content.ParseFolder(scheme, host, raw)
		if !ok || !good || at.ID.Content != plain.ID.Content || strings.Count(raw, "/") != 2 {
			t.Errorf("%q at %q is %q", id, from, a.point)
		}
	})
}
