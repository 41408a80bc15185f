package assembly

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"

	"branchpoint/cache"
	"branchpoint/configs"
	"branchpoint/proxy"
	"branchpoint/proxy/upstream"
)

// TestNetworkListenerWarns: a listener that gives away what our token opens says so, once, and to whom; no other does.
func TestNetworkListenerWarns(t *testing.T) {
	store, err := cache.New(cache.Config{Directory: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	pool, err := upstream.New(upstream.Config{Dial: new(net.Dialer).DialContext})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	front, err := proxy.New(proxy.Config{Cache: store, Origins: pool, Dial: new(net.Dialer).DialContext})
	if err != nil {
		t.Fatal(err)
	}
	defer front.Close()
	for entitlement, warnings := range map[proxy.Entitlement]int{proxy.Machine: 0, proxy.Origin: 0, proxy.Network: 1} {
		t.Run(string(entitlement), func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			d := &door{Listener: ln, name: "office", kind: configs.KindForward}
			err = d.open(front, proxy.Listener{
				Name: "office", Entitlement: entitlement, Networks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")},
			})
			if err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			over, end := context.WithCancel(t.Context())
			end()
			if err := d.serve(over, 0, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
				t.Fatal(err)
			}
			got := log.String()
			if strings.Count(got, "level=WARN") != warnings || strings.Count(got, "listener=office networks=[10.1.0.0/16]") != warnings {
				t.Errorf("the log says\n%s", got)
			}
		})
	}
}
