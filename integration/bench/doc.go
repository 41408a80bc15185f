// Package bench measures the real program side by side with other proxies, in one run on one machine, so that what the
// machine is worth that day cancels out.
//
// It holds tests only, and needs Linux:
//
//	go test ./integration/bench -run TestSideBySide -v                      a short share, judged by its bytes only
//	BRANCHPOINT_FULL=1 go test ./integration/bench -run TestSideBySide -v   every cell, judged by its speed as well
//	go test ./integration/bench -run TestSideBySideTLS -v                   hits over TLS, beside nginx
//	go test ./integration/bench -run TestMemory -v                          what concurrent readers cost
//
// With BRANCHPOINT_REQUIRE=1 a program that is not installed is a failure instead of a skip. The program is always built
// without the race detector: what is measured is what is shipped.
package bench
