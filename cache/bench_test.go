package cache

import (
	"fmt"
	"io"
	"testing"
)

// BenchmarkHit measures what a hit costs besides the client's connection.
func BenchmarkHit(b *testing.B) {
	for _, size := range []int64{4 << 10, 1 << 20, 256 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			c := newTest(b, Config{})
			src := newSource(newTruth(1, size))
			mustFetch(b, c, Key{Name: "o"}, src, 0, -1)
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				r, err := c.Open(b.Context(), Key{Name: "o"}, src, Use{Client: "bench", Length: -1})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := r.WriteRange(onlyWriter{io.Discard}, 0, size); err != nil {
					b.Fatal(err)
				}
				r.Close()
			}
		})
	}
}

// BenchmarkFill measures a cold object from a source that costs nothing.
func BenchmarkFill(b *testing.B) {
	const size = 64 << 20
	c := newTest(b, Config{MaxBytes: 1 << 30})
	src := newSource(newTruth(1, size))
	b.SetBytes(size)
	for b.Loop() {
		c.Remove("o")
		mustFetch(b, c, Key{Name: "o"}, src, 0, -1)
	}
}

func BenchmarkOpenClose(b *testing.B) {
	c := newTest(b, Config{})
	src := newSource(newTruth(1, 4096))
	mustFetch(b, c, Key{Name: "o"}, src, 0, -1)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r, err := c.Open(b.Context(), Key{Name: "o"}, src, Use{Client: "bench", Length: -1})
			if err != nil {
				b.Error(err)
				return
			}
			r.Close()
		}
	})
}
