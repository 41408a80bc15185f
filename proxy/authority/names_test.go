package authority_test

import (
	"slices"
	"strings"
	"testing"

	"branchpoint/proxy/authority"
)

func TestParseNames(t *testing.T) {
	for _, test := range []struct {
		name string
		list []string
		want []string
	}{
		{"nothing", nil, nil},
		{"hosts", []string{"dp2.example.com", "dp1.example.com"}, []string{"dp1.example.com", "dp2.example.com"}},
		{"one host in many spellings", []string{"DP1.Example.com", "dp1.example.com.", "*.dp1.example.com"}, []string{"dp1.example.com"}},
		{"a host below a suffix", []string{"dp1.example.com", "*.example.com", "myexample.com"}, []string{"example.com", "myexample.com"}},
		{"a short name", []string{"dp1", "dp_2"}, []string{"dp1", "dp_2"}},
		{"accounts of clouds", []string{"site1.blob.core.windows.net", "*.site2.blob.core.chinacloudapi.cn", "site3.blob.core.usgovcloudapi.net"},
			[]string{"site1.blob.core.windows.net", "site2.blob.core.chinacloudapi.cn", "site3.blob.core.usgovcloudapi.net"}},
		{"beside the storage of a cloud", []string{"queue.core.windows.net.example.com", "xblob.core.windows.net"},
			[]string{"queue.core.windows.net.example.com", "xblob.core.windows.net"}},
		{"addresses", []string{"10.1.0.5", "[2001:DB8::5]", "2001:db8:0::5", "::ffff:10.1.0.5", "dp1"}, []string{"dp1", "10.1.0.5", "2001:db8::5"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			names, err := authority.ParseNames(test.list)
			if err != nil {
				t.Fatalf("ParseNames(%q) = %v", test.list, err)
			}
			if got := names.Strings(); !slices.Equal(got, test.want) {
				t.Errorf("ParseNames(%q) = %q, want %q", test.list, got, test.want)
			}
			if missing := names.Missing(test.list); missing != nil {
				t.Errorf("of its own names it misses %q", missing)
			}
		})
	}
}

func TestParseNamesRefuses(t *testing.T) {
	long := strings.Repeat("a", 64)
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "is not a host name"},
		{"everything", "*", "is not a host name"},
		{"everything, as a suffix", "*.", "is not a host name"},
		{"a wildcard inside", "dp*.example.com", "is not a host name"},
		{"two wildcards", "*.*.example.com", "is not a host name"},
		{"a leading dot", ".example.com", "is not a host name"},
		{"two dots", "dp1..example.com", "is not a host name"},
		{"a port", "dp1.example.com:443", "is not a host name"},
		{"a URL", "https://dp1.example.com", "is not a host name"},
		{"a hyphen first", "-dp1.example.com", "is not a host name"},
		{"a long label", long + ".example.com", "is not a host name"},
		{"a long name", strings.Repeat("abcdefg.", 32) + "com", "is not a host name"},
		{"a letter that folds into an ASCII one", "d\u212A.example.com", "is not a host name"},
		{"NUL", "dp1.example.com\x00.org", "is not a host name"},
		{"a damaged address", "10.1.0.256", "is not a host name"},
		{"an address with zeros in front", "010.1.0.5", "is not a host name"},
		{"a network", "10.1.0.0/16", "is not a host name"},
		{"brackets without an end", "[::1", "is not a host name"},
		{"brackets around IPv4", "[10.1.0.5]", "is not a host name"},
		{"a zone", "fe80::1%eth0", "has a zone"},
		{"below an address", "*.10.1.0.5", "nothing is below an address"},
		{"a top-level domain", "*.com", "too wide"},
		{"a public suffix", "co.uk", "too wide"},
		{"nowhere", "*.invalid", "too wide"},
		{"the storage of a cloud", "*.blob.core.windows.net", "too wide"},
		{"above the storage of a cloud", "*.Core.Windows.net.", "too wide"},
		{"far above it", "windows.net", "too wide"},
		{"a government's", "*.blob.core.usgovcloudapi.net", "too wide"},
		{"above a government's", "*.usgovcloudapi.net", "too wide"},
		{"China's", "blob.core.chinacloudapi.cn", "too wide"},
		{"above China's", "*.core.chinacloudapi.cn", "too wide"},
	} {
		t.Run(test.name, func(t *testing.T) {
			names, err := authority.ParseNames([]string{"dp1.example.com", test.text})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("ParseNames(%q) = %q, %v, want an error with %q", test.text, names.Strings(), err, test.want)
			}
			if got := names.Strings(); len(got) > 0 {
				t.Errorf("with the error comes %q", got)
			}
		})
	}
	_, err := authority.ParseNames([]string{"a b", "dp1", "*.com"})
	if err == nil || !strings.Contains(err.Error(), "a b") || !strings.Contains(err.Error(), "*.com") {
		t.Errorf("%v does not tell of every bad name", err)
	}
}

func TestCovers(t *testing.T) {
	names, err := authority.ParseNames([]string{"dp1.example.com", "*.cloud.example", "dp2", "10.1.0.5", "2001:db8::5"})
	if err != nil {
		t.Fatal(err)
	}
	covered := []string{
		"dp1.example.com", "DP1.EXAMPLE.COM", "dp1.example.com.", "x.dp1.example.com", "cloud.example", "a.b.cloud.example", "dp2", "x.dp2",
		"10.1.0.5", "::ffff:10.1.0.5", "2001:db8::5", "[2001:db8::5]", "2001:0db8:0:0::5",
	}
	for _, name := range covered {
		if !names.Covers(name) {
			t.Errorf("%q is not covered", name)
		}
	}
	strangers := []string{
		"", ".", "example.com", "dp3.example.com", "xdp1.example.com", "dp1.example.com.evil.org", "dp1.example.com..", "mycloud.example",
		"*.cloud.example", "*.dp1.example.com", "dp22", "invalid", "10.1.0.6", "10.1.0.5.", "010.1.0.5", "2001:db8::6",
		"2001:db8::5%eth0", "x.10.1.0.5", "[10.1.0.5]", "dp1.example.com:443", "cloud.example\x00.org", "dp\u0131.cloud.example", "https://dp2",
	}
	for _, name := range strangers {
		if names.Covers(name) {
			t.Errorf("%q is covered", name)
		}
	}
	got := names.Missing([]string{"dp1.example.com", "dp3.example.com", "*.cloud.example", "*.example.com", "*.dp2", "10.1.0.5", "10.1.0.6", "a b"})
	if want := []string{"dp3.example.com", "*.example.com", "10.1.0.6", "a b"}; !slices.Equal(got, want) {
		t.Errorf("Missing = %q, want %q", got, want)
	}
	if (authority.Names{}).Covers("dp1.example.com") || (authority.Names{}).Covers("10.1.0.5") {
		t.Error("no names cover something")
	}
}
