package precache

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// TestMeter compares with what somebody finds who keeps every single figure.
func TestMeter(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 30 {
		now := time.Unix(1700000000, 0)
		begun := now
		var m meter
		m.start(now)
		type figure struct {
			at time.Time
			n  int64
		}
		var all []figure
		for range 300 {
			now = now.Add(time.Duration(rnd.IntN(400)) * time.Millisecond)
			if rnd.IntN(50) == 0 {
				now = now.Add(20 * time.Second)
			}
			n := int64(rnd.IntN(1000))
			m.add(now, n)
			all = append(all, figure{now, n})
			total, rate := m.read(now)
			var want, most int64
			for _, f := range all {
				want += f.n
				if now.Sub(f.at) <= meterWindow {
					most += f.n
				}
			}
			if total != want {
				t.Fatalf("%d bytes, want %d", total, want)
			}
			if rate < 0 || rate > most {
				t.Fatalf("%d bytes a second after %v, and %d came in all the window", rate, now.Sub(begun), most)
			}
		}
		if _, rate := m.read(now.Add(time.Minute)); rate != 0 {
			t.Fatalf("%d bytes a second after a minute of silence", rate)
		}
	}
}

// TestSpeed has a line of a known speed.
func TestSpeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[string][]byte{"file": data("file", 4*mib)})
		w.pace = time.Second // of 64 KiB, and there is one window
		b := newBox(t, w, nil)
		id := b.start(Request{Content: packageID, From: pointURL}).ID
		for _, second := range []int{12, 20, 33} {
			j, _ := b.jobs.Job(id, 0, 0)
			if err := wait(t.Context(), time.Duration(second)*time.Second-time.Since(j.Created)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			j, _ = b.jobs.Job(id, 0, 0)
			// The job may have begun a moment later than it was made: then one of the ten pieces of the window is still on its way.
			if j.BytesPerSecond < 58_000 || j.BytesPerSecond > 73_000 || j.SecondsLeft < int64(56-second) || j.SecondsLeft > int64(73-second) {
				t.Errorf("after %d s: %d bytes a second, %d s left", second, j.BytesPerSecond, j.SecondsLeft)
			}
		}
		if j := b.end(id); j.BytesPerSecond != 0 || j.SecondsLeft != 0 || j.Fetched != 4*mib {
			t.Errorf("in the end: %+v", j)
		}
	})
}
