package assembly

import (
	"testing"

	"branchpoint/configs"
)

func TestFit(t *testing.T) {
	for _, c := range []struct{ descriptors, listeners, connections, openFiles int }{
		{plenty, 1, 349434, 256},
		{1024, 1, 252, 252},
		{1024, 3, 84, 252},
		{40, 1, 6, 6},
		{0, 2, 1, 3},
	} {
		config := &configs.Config{Listeners: make([]configs.Listener, c.listeners)}
		connections, openFiles := fit(config, c.descriptors)
		if connections != c.connections || openFiles != c.openFiles {
			t.Errorf("%d descriptors for %d listeners: %d connections and %d files, want %d and %d",
				c.descriptors, c.listeners, connections, openFiles, c.connections, c.openFiles)
		}
		if used := 3*connections*c.listeners + openFiles; c.descriptors >= 40 && used > c.descriptors {
			t.Errorf("%d descriptors: %d may be in use", c.descriptors, used)
		}
	}
}
