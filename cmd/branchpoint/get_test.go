package main

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// get is a small curl for the scripts. It prints the status line, the headers that scripts look at and the body; a long
// body as its size and digest.
func get() {
	proxy := flag.String("x", "", "the proxy to use, host:port")
	method := flag.String("X", http.MethodGet, "the method")
	data := flag.String("d", "", "the body to send")
	line := flag.String("H", "", "a header to send, name: value")
	tokenFile := flag.String("t", "", "a file with the bearer token to show")
	until := flag.String("until", "", "ask again for half a minute until the answer holds this text")
	flag.Parse()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if *proxy != "" {
		client.Transport = &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: *proxy})}
	}
	header := http.Header{}
	if name, value, ok := strings.Cut(*line, ": "); ok {
		header.Set(name, value)
	}
	if *tokenFile != "" {
		token, err := os.ReadFile(*tokenFile)
		exitIf(err)
		header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	ask := func() (*http.Response, error) {
		r, err := http.NewRequestWithContext(context.Background(), *method, flag.Arg(0), strings.NewReader(*data))
		exitIf(err)
		r.Header = header
		return client.Do(r)
	}
	text, err := repeat(ask, *until)
	exitIf(err)
	fmt.Print(text)
}

// repeat asks until the answer holds a text; once when there is none to wait for.
func repeat(ask func() (*http.Response, error), want string) (string, error) {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(30 * time.Second)
	for {
		text, err := answer(ask)
		if want == "" || err == nil && strings.Contains(text, want) {
			return text, err
		}
		select {
		case <-deadline:
			return "", fmt.Errorf("the answer does not hold %q: %s, %v", want, text, err)
		case <-again.C:
		}
	}
}

// answer asks once and returns what is printed.
func answer(ask func() (*http.Response, error)) (string, error) {
	resp, err := ask()
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var text strings.Builder
	fmt.Fprintln(&text, resp.Proto, resp.Status)
	for _, name := range []string{"Content-Type", "Cache-Status", "Via"} {
		if value := resp.Header.Get(name); value != "" {
			fmt.Fprintf(&text, "%s: %s\n", name, value)
		}
	}
	body, err := io.ReadAll(resp.Body)
	if len(body) > 1<<20 {
		body = fmt.Appendf(nil, "%d bytes, SHA-256 %x\n", len(body), sha256.Sum256(body))
	}
	text.Write(body)
	return text.String(), err
}

func exitIf(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "get:", err)
		os.Exit(1)
	}
}
