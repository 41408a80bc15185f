package content

import "testing"

func TestHost(t *testing.T) {
	const refused = ""
	for _, tt := range []struct{ name, scheme, host, want string }{
		{"http", "http", "DP1.Contoso.COM", "dp1.contoso.com:80"},
		{"https", "https", "dp1", "dp1:443"},
		{"scheme in capitals", "HTTPS", "dp1", "dp1:443"},
		{"explicit default port", "http", "dp1:80", "dp1:80"},
		{"other port", "https", "dp1:8443", "dp1:8443"},
		{"port with zeros", "http", "dp1:0080", "dp1:80"},
		{"empty port", "http", "dp1:", "dp1:80"},
		{"dot of the root", "http", "DP1.contoso.com.", "dp1.contoso.com:80"},
		{"dot of the root and port", "http", "dp1.:8080", "dp1:8080"},
		{"dot of the root only", "http", ".", refused},
		{"two dots", "http", "dp1..", refused},
		{"underscore", "http", "my_dp", "my_dp:80"},
		{"IPv4", "http", "10.0.0.1", "10.0.0.1:80"},
		{"IPv4 and port", "http", "10.0.0.1:8080", "10.0.0.1:8080"},
		{"IPv6", "http", "[::1]", "[::1]:80"},
		{"IPv6 and port", "https", "[2001:DB8:0::1]:8443", "[2001:db8::1]:8443"},
		{"IPv6 without brackets", "http", "2001:DB8::1", "[2001:db8::1]:80"},
		{"IPv6 with a zone", "http", "[fe80::1%25eth0]", refused},
		{"IPv6 without brackets, with a port", "http", "1:2:3:4:5:6:7:8:80", refused},
		{"IPv4 in brackets", "http", "[10.0.0.1]", refused},
		{"name in brackets", "http", "[dp1]", refused},
		{"open bracket", "http", "[::1", refused},
		{"only a port", "http", ":80", refused},
		{"empty", "http", "", refused},
		{"port zero", "http", "dp1:0", refused},
		{"port too large", "http", "dp1:65536", refused},
		{"port not a number", "http", "dp1:x", refused},
		{"user information", "http", "user@dp1", refused},
		{"path", "http", "dp1/x", refused},
		{"space", "http", "dp 1", refused},
		{"not ASCII", "http", "dpä", refused},
		{"other scheme", "ftp", "dp1", refused},
		{"no scheme", "", "dp1", refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := Parse(tt.scheme, tt.host, "/SMS_DP_SMSPKG$/PS100015/a")
			if ok != (tt.want != refused) || got.Host != tt.want {
				t.Errorf("Parse(%q, %q) = host %q, %v, want %q", tt.scheme, tt.host, got.Host, ok, tt.want)
			}
		})
	}
}
