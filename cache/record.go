package cache

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// record is what the disk says of one generation of an object: a line of JSON and a line with its checksum. It is only
// ever replaced whole, and only after the slices that it claims are synced.
type record struct {
	Version      int       `json:"version"`
	Name         text      `json:"name"`
	Group        text      `json:"group,omitempty"`
	Mutable      bool      `json:"mutable,omitempty"`
	Pinned       bool      `json:"pinned,omitempty"`
	Hot          bool      `json:"hot,omitempty"`
	Size         int64     `json:"size"`
	LastModified time.Time `json:"last_modified,omitzero"`
	ETag         text      `json:"etag,omitempty"`
	ContentType  text      `json:"content_type,omitempty"`
	Created      time.Time `json:"created"`
	SliceBytes   int64     `json:"slice_bytes"`
	// Present has a bit for each slice that is whole, Sums its CRC-32C, four bytes a slice, big endian.
	Present bits   `json:"present"`
	Sums    []byte `json:"sums"`
}

const recordVersion = 1

// castagnoli is read only. CRC-32C runs at memory speed on today's processors.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(p []byte) uint32 { return crc32.Checksum(p, castagnoli) }

func (r *record) encode() ([]byte, error) {
	line, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encoding a record: %w", err)
	}
	return withSum(line), nil
}

func withSum(line []byte) []byte { return fmt.Appendf(line, "\n%08x\n", checksum(line)) }

// decodeRecord refuses what is not exactly a record that encode wrote: a damaged one is no record.
func decodeRecord(data []byte) (*record, error) {
	line, sum, ok := bytes.Cut(data, []byte("\n"))
	if !ok || string(sum) != fmt.Sprintf("%08x\n", checksum(line)) {
		return nil, errors.New("record: the checksum does not fit")
	}
	r := &record{}
	if err := json.Unmarshal(line, r); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	return r, r.validate()
}

func (r *record) validate() error {
	switch {
	case r.Version != recordVersion:
		return fmt.Errorf("record: version %d is unknown", r.Version)
	case r.SliceBytes != sliceBytes:
		return fmt.Errorf("record: slices of %d bytes are unknown", r.SliceBytes)
	case r.Name == "" || r.Size < 0 || r.Size > maxSize:
		return errors.New("record: no name, or a size that cannot be")
	}
	n := sliceCount(r.Size)
	if len(r.Present) != (n+7)/8 || len(r.Sums) != 4*n {
		return errors.New("record: the slices do not fit the size")
	}
	return nil
}

// stored returns how many bytes the record claims.
func (r *record) stored() int64 {
	var total int64
	for i := range sliceCount(r.Size) {
		if r.Present.has(i) {
			from, to := sliceSpan(i, r.Size)
			total += to - from
		}
	}
	return total
}

func (r *record) info() Info {
	return Info{Size: r.Size, LastModified: r.LastModified, ETag: string(r.ETag), ContentType: string(r.ContentType)}
}
