package integration

import "testing"

// way is how clients come to a box, and how they write the URL of a file.
type way struct {
	name   string
	scheme string // of their URLs
	alias  bool   // they take the box for the DP, whose name leads to it; otherwise it is their proxy
	open   bool   // they ask the proxy for https without a tunnel: what is secret is then in the clear
}

// plainWay is that of the main job: a proxy, and DPs that let everybody in over http.
var plainWay = way{name: "proxy, http", scheme: "http"}

// The ways to a token directory, which is there over HTTPS only. The clients show a token of their own, and the DP decides.
var (
	forwardWay   = way{name: "proxy, https in the clear", scheme: "https", open: true}
	interceptWay = way{name: "interception", scheme: "https"}
	gatewayWay   = way{name: "gateway, http", scheme: "http", alias: true}
	secureWay    = way{name: "gateway, https", scheme: "https", alias: true}
)

// tokenWays are those ways.
func tokenWays() []way { return []way{forwardWay, interceptWay, gatewayWay, secureWay} }

// simWays are those that simulated clients know: they tunnel what is https.
func simWays() []way { return tokenWays()[1:] }

// onEveryWay runs a check once for each way to a token directory.
func onEveryWay(t *testing.T, ways []way, check func(t *testing.T, w way)) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) { check(t, w) })
	}
}
