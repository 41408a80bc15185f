package content

import "testing"

func TestWithVdir(t *testing.T) {
	for _, tt := range []struct {
		name, raw string
		to        Vdir
		want      string
	}{
		{"plain to token", "/Sms_DP_SMSPKG%24/PS1%300015/sccm?/A;b&c%.exe", TokenAuth,
			"/CCMTOKENAUTH_Sms_DP_SMSPKG%24/PS1%300015/sccm?/A;b&c%.exe"},
		{"token to plain", "/CcmTokenAuth_SMS_DP_SMSSIG$/PS100015.1.tar", Plain, "/SMS_DP_SMSSIG$/PS100015.1.tar"},
		{"nocert to token", "/NOCERT_SMS_DP_SMSPKGD$/PS100015/a", TokenAuth, "/CCMTOKENAUTH_SMS_DP_SMSPKGD$/PS100015/a"},
		{"escaped alias", "/N%4fCERT%5FSMS_DP_SMSPKG$/PS100015/a", Plain, "/SMS_DP_SMSPKG$/PS100015/a"},
		{"same alias keeps its spelling", "/nocert_SMS_DP_SMSPKG$/PS100015/a", NoCert, "/nocert_SMS_DP_SMSPKG$/PS100015/a"},
		{"listing", "/SMS_DP_SMSPKG$/PS100015", TokenAuth, "/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015"},
		{"not a vdir", "/SMS_MP/.sms_aut?MPLIST", TokenAuth, "/SMS_MP/.sms_aut?MPLIST"},
		{"empty", "", TokenAuth, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := (Target{Raw: tt.raw}).WithVdir(tt.to); got != tt.want {
				t.Errorf("%q WithVdir(%v) = %q, want %q", tt.raw, tt.to, got, tt.want)
			}
		})
	}
}

func TestStrings(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{Package.String(), "package"}, {Signature.String(), "signature"}, {Share(9).String(), "share(9)"},
		{Plain.String(), "plain"}, {NoCert.String(), "no_cert"}, {TokenAuth.String(), "token_auth"}, {Vdir(9).String(), "vdir(9)"},
	} {
		if tt.got != tt.want {
			t.Errorf("String() = %q, want %q", tt.got, tt.want)
		}
	}
}
