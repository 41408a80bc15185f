package content

import "testing"

func TestParseFolder(t *testing.T) {
	for _, c := range []struct {
		name, raw, content string
		ok                 bool
	}{
		{"package", "/SMS_DP_SMSPKG$/PS100015", "ps100015", true},
		{"trailing slash", "/SMS_DP_SMSPKG$/PS100015/", "ps100015", true},
		{"escaped dollar", "/sms_dp_smspkg%24/Content_0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f.1", "content_0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f.1", true},
		{"folder in it", "/NOCERT_SMS_DP_SMSPKG$/PS100015.2/a/b", "ps100015.2", true},
		{"bare directory", "/SMS_DP_SMSPKG$", "", false},
		{"DataLib", "/SMS_DP_SMSPKG$/DataLib", "", false},
		{"FileLib", "/SMS_DP_SMSPKG$/FileLib/ABCD", "", false},
		{"signatures", "/SMS_DP_SMSSIG$/PS100015.1.tar", "", false},
		{"climbs out", "/SMS_DP_SMSPKG$/PS100015/../DataLib", "", false},
		{"climbs out, escaped", "/SMS_DP_SMSPKG$/PS100015/%2e%2e/DataLib", "", false},
		{"query", "/SMS_DP_SMSPKG$/PS100015?x=1", "", false},
		{"something else", "/ccm_system/request", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := ParseFolder("http", "DP1.example", c.raw)
			if ok != c.ok || got.ID.Content != c.content {
				t.Errorf("ParseFolder(%q) = %q, %v, want %q, %v", c.raw, got.ID.Content, ok, c.content, c.ok)
			}
			if ok && (got.Raw != c.raw || got.Host != "dp1.example:80") {
				t.Errorf("ParseFolder(%q) has raw target %q and host %q", c.raw, got.Raw, got.Host)
			}
		})
	}
}
