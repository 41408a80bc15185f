package assembly

import "branchpoint/configs"

// plenty is a number of descriptors that is never short.
const plenty = 1 << 20

// fit lowers what would use up the descriptors of the process. A client that waits to be accepted is served later; one
// that is accepted and for which nothing more can be opened gets an error. Three are counted for each client: its
// connection, one to a distribution point and one file. That is a model and no bound: clients of one file share it and what
// is fetched for it, and a client with several files under way takes more. What is idle in the cache gets a quarter.
func fit(c *configs.Config, descriptors int) (connections, openFiles int) {
	const reserve = 16 // listeners, logs, the poller, the admin API
	left := max(descriptors-reserve, 12)
	openFiles = min(256, left/4)
	return max((left-openFiles)/3/max(len(c.Listeners), 1), 1), openFiles
}
