package configs

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for _, tt := range []struct {
		text, back string
		want       time.Duration
	}{
		{"15s", "15s", 15 * time.Second},
		{"90s", "1m30s", 90 * time.Second},
		{"60m", "1h", time.Hour},
		{"1h0m5s", "1h0m5s", time.Hour + 5*time.Second},
		{"10m", "10m", 10 * time.Minute},
		{"20h", "20h", 20 * time.Hour},
		{"250ms", "250ms", 250 * time.Millisecond},
		{"0", "0s", 0},
	} {
		var d Duration
		if err := d.UnmarshalText([]byte(tt.text)); err != nil || time.Duration(d) != tt.want || d.String() != tt.back {
			t.Errorf("%q is %v, %v, want %v written %s", tt.text, d, err, tt.want, tt.back)
		}
	}
}

func TestBytes(t *testing.T) {
	for _, tt := range []struct {
		text, back string
		want       Bytes
	}{
		{"0", "0B", 0},
		{"512", "512B", 512},
		{"512b", "512B", 512},
		{"1024", "1KiB", 1 << 10},
		{"50GiB", "50GiB", 50 << 30},
		{"50 gib", "50GiB", 50 << 30},
		{"2TIB", "2TiB", 2 << 40},
		{"1536MiB", "1536MiB", 1536 << 20},
		{"3kb", "3000B", 3000},
		{"5GB", "5000000000B", 5e9},
		{"9223372036854775807", "9223372036854775807B", math.MaxInt64},
	} {
		var b Bytes
		if err := b.UnmarshalText([]byte(tt.text)); err != nil || b != tt.want || b.String() != tt.back {
			t.Errorf("%q is %v, %v, want %d written %s", tt.text, b, err, tt.want, tt.back)
		}
	}
}

// TestWrittenIsRead writes random values and reads them back.
func TestWrittenIsRead(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		shift := r.IntN(63)
		b, d := Bytes(r.Int64()>>shift<<r.IntN(shift+1)), Duration(r.Int64()>>shift)
		var b2 Bytes
		var d2 Duration
		if err := b2.UnmarshalText([]byte(b.String())); err != nil || b2 != b {
			t.Fatalf("%d is written %v and read as %d, %v", b, b, b2, err)
		}
		if err := d2.UnmarshalText([]byte(d.String())); err != nil || d2 != d {
			t.Fatalf("%d is written %v and read as %d, %v", d, d, d2, err)
		}
	}
}

func FuzzValues(f *testing.F) {
	for _, text := range []string{"50GiB", "10%", "9223372036854775808", "8388608TiB", "-1", "1h-5m", "1e3s", "٣GiB", "10.0.0.0/8", "::/0", "fe80::1%eth0/64"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var b Bytes
		var d Duration
		var n, again Network
		if err := b.UnmarshalText([]byte(text)); err == nil && b < 0 {
			t.Errorf("%q is %d bytes", text, b)
		}
		if err := d.UnmarshalText([]byte(text)); err == nil && d < 0 {
			t.Errorf("%q is %v", text, d)
		}
		if err := n.UnmarshalText([]byte(text)); err == nil && (again.UnmarshalText([]byte(n.String())) != nil || again != n) {
			t.Errorf("%q is %v, read again %v", text, n, again)
		}
	})
}

// TestDistance checks the row-by-row computation against the definition.
func TestDistance(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	word := func() string {
		out := make([]byte, r.IntN(6))
		for i := range out {
			out[i] = "abc"[r.IntN(3)]
		}
		return string(out)
	}
	for range 2000 {
		a, b := word(), word()
		if got, want := distance(a, b), naiveDistance(a, b); got != want {
			t.Fatalf("distance(%q, %q) = %d, want %d", a, b, got, want)
		}
	}
}

func naiveDistance(a, b string) int {
	switch {
	case a == "" || b == "":
		return len(a) + len(b)
	case a[0] == b[0]:
		return naiveDistance(a[1:], b[1:])
	}
	return 1 + min(naiveDistance(a[1:], b), naiveDistance(a, b[1:]), naiveDistance(a[1:], b[1:]))
}

func TestLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:80": true, "127.9.9.9:80": true, "[::1]:80": true, "localhost:80": true, "[::ffff:127.0.0.1]:80": true,
		":80": false, "0.0.0.0:80": false, "[::]:80": false, "10.0.0.1:80": false, "": false, "127.0.0.1": false,
	} {
		if got := (Listener{Address: address}).Loopback(); got != want {
			t.Errorf("Loopback of %q = %v, want %v", address, got, want)
		}
	}
}
