//go:build !windows

package windowsauth

import (
	"net/http"
	"strings"
	"testing"
)

func TestProcessAccount(t *testing.T) {
	if _, err := New(Config{URL: "http://mp.example.org", Transport: &http.Transport{}}); err == nil || !strings.Contains(err.Error(), "only on Windows") {
		t.Errorf("New without a user = %v", err)
	}
}
