package assembly

import (
	"net/url"

	"branchpoint/configs"
	"branchpoint/proxy/upstream"
)

// pointedHosts are the hosts that clients are pointed at us for: those that hold content.
func pointedHosts(c *configs.Config) []string {
	return append(c.InterceptedNames(), c.Cloud.BlobHosts...)
}

// servedHosts returns a function that names the distribution points which only clients know, and which have served content.
// One that has not may be anything that somebody has asked for, and one that the site names stands in for another.
func servedHosts(pool *upstream.Pool) func() []string {
	return func() (hosts []string) {
		for _, dp := range pool.Status() {
			if at, err := url.Parse(dp.URL); err == nil && !dp.Configured && !dp.Located && dp.Bytes > 0 {
				hosts = append(hosts, at.Hostname())
			}
		}
		return hosts
	}
}
