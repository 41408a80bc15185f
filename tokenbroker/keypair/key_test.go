package keypair_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"branchpoint/tokenbroker/keypair"
)

// TestKeyIsNotPrinted looks for the key in everything that prints.
func TestKeyIsNotPrinted(t *testing.T) {
	c := company()
	key := keypair.NewKey(c.key)
	pair := keypair.Pair{Key: key}
	held := struct {
		Open   any
		hidden any
	}{key, *key}
	marks := []string{
		c.key.D.String(), fmt.Sprintf("%x", c.key.D), c.key.Primes[0].String(), fmt.Sprintf("%x", c.key.Primes[1]),
		fmt.Sprint(uint(c.key.D.Bits()[3])), fmt.Sprintf("%#x", uint(c.key.Primes[0].Bits()[2])),
		base64.StdEncoding.EncodeToString(c.key.D.Bytes())[:30],
	}
	look := func(where, text string) {
		for _, mark := range marks {
			if strings.Contains(strings.ToLower(text), strings.ToLower(mark)) {
				t.Errorf("%s holds the key", where)
			}
		}
	}
	for _, v := range []any{key, *key, pair, &pair, held, &held, []any{key}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%X", "%q"} {
			look(fmt.Sprintf("%T in %s", v, verb), fmt.Sprintf(verb, v))
		}
		encoded, _ := json.Marshal(v) // what cannot be encoded is no leak
		look(fmt.Sprintf("%T in JSON", v), string(encoded))
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("test", "v", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("test", "v", v)
		look(fmt.Sprintf("%T in a log", v), log.String())
	}
	if got := fmt.Sprintf("%+v", key); got != "a private key" {
		t.Errorf("the key prints as %q", got)
	}
	found := 0
	for _, mark := range marks {
		if strings.Contains(fmt.Sprintf("%+v %#v %x", c.key, c.key, c.key.D), mark) {
			found++
		}
	}
	if found < 3 {
		t.Errorf("of a bare key only %d marks are found: this test looks for the wrong things", found)
	}
}
