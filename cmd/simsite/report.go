package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"branchpoint/integration/sim"
)

// report is what a test reads of a fetch.
type report struct {
	Client string `json:"client"`
	// Verified says that every client got everything, and that each byte was the library's.
	Verified bool `json:"verified"`
	// Bytes of file contents that all clients received, Seconds until the last one had finished.
	Bytes   int64         `json:"bytes"`
	Seconds float64       `json:"seconds"`
	Clients []clientShare `json:"clients"`
}

// clientShare is what one client got.
type clientShare struct {
	Error    string       `json:"error,omitempty"`
	Bytes    int64        `json:"bytes"`
	Seconds  float64      `json:"seconds"`
	Location string       `json:"location,omitempty"` // that supplied the manifest
	Files    []fileReport `json:"files"`
	Troubles []string     `json:"troubles,omitempty"`
}

// fileReport is what became of one file.
type fileReport struct {
	URL string `json:"url"`
	// File and SHA256 are what the bytes turned out to be; empty when they were not right.
	File      string   `json:"file,omitempty"`
	SHA256    string   `json:"sha256,omitempty"`
	Error     string   `json:"error,omitempty"`
	Status    int      `json:"status"`
	Issuer    string   `json:"issuer,omitempty"` // of the server's certificate
	Bytes     int64    `json:"bytes"`
	FirstByte float64  `json:"first_byte_seconds"`
	Seconds   float64  `json:"seconds"`
	Requests  int      `json:"requests"`
	Conns     int      `json:"connections"`
	Retries   int      `json:"retries"`
	Restarts  int      `json:"restarts"`
	Renewals  int      `json:"renewals"` // of a signed URL
	Troubles  []string `json:"troubles,omitempty"`
}

// runClients lets clients download side by side. The hashes are made afterwards, so that they cost the clients no time.
func runClients(ctx context.Context, kind string, clients int, download func(context.Context) sim.ContentResult) report {
	results, took := make([]sim.ContentResult, clients), make([]time.Duration, clients)
	started := time.Now()
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			results[i] = download(ctx)
			took[i] = time.Since(started)
		})
	}
	wg.Wait()
	r := report{Client: kind, Verified: true, Seconds: time.Since(started).Seconds()}
	for i, result := range results {
		share := shareOf(result)
		share.Seconds = took[i].Seconds()
		r.Verified = r.Verified && result.Err == nil
		r.Bytes += share.Bytes
		r.Clients = append(r.Clients, share)
	}
	return r
}

func shareOf(r sim.ContentResult) clientShare {
	share := clientShare{Error: text(r.Err), Bytes: r.Bytes(), Location: r.Location, Troubles: texts(r.Troubles)}
	for _, f := range r.Files {
		one := fileReport{
			URL: f.URL, Error: text(f.Err), Status: f.Status, Issuer: f.Issuer, Bytes: f.Bytes, FirstByte: f.FirstByte.Seconds(),
			Seconds: f.Took.Seconds(), Requests: f.Requests, Conns: f.Connections, Retries: f.Retries, Restarts: f.Restarts, Renewals: f.Renewals,
			Troubles: texts(f.Troubles),
		}
		if f.File != nil {
			one.File, one.SHA256 = f.File.Key(), f.File.SHA256()
		}
		share.Files = append(share.Files, one)
	}
	return share
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func texts(errs []error) (list []string) {
	for _, err := range errs {
		list = append(list, err.Error())
	}
	return list
}

func (r report) print(out io.Writer) error {
	if err := json.NewEncoder(out).Encode(r); err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	return nil
}
