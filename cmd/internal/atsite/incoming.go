package atsite

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"branchpoint/configs"
	"branchpoint/tokenbroker/ccm"
)

// incoming makes the source of what is exchanged for a CCM token. Nil: there is none.
func (e *Ends) incoming(c *configs.Config, o Options) (ccm.TokenSource, error) {
	if file := c.Site.BulkTokenFile; file != "" {
		return bulkToken{file}, nil
	}
	if c.Entra.Type == configs.EntraNone {
		return nil, nil
	}
	return e.entra(c, o)
}

// bulkToken is a bulk registration token in a file, read each time: an administrator puts a new one there when it ends, after
// some days.
type bulkToken struct{ file string }

// maxBulk bounds the file; such a token is a JWT of one or two kilobytes.
const maxBulk = 64 << 10

// Token implements ccm.TokenSource.
func (b bulkToken) Token(context.Context) (ccm.Token, error) {
	f, err := os.Open(b.file)
	if err != nil {
		return ccm.Token{}, fmt.Errorf("reading the bulk registration token: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxBulk+1))
	if err != nil {
		return ccm.Token{}, fmt.Errorf("reading the bulk registration token: %w", err)
	}
	return ccm.NewToken(strings.TrimSpace(string(text)), time.Time{})
}

// Forget implements ccm.TokenSource: the file may hold another one by now.
func (bulkToken) Forget(ccm.Token) {}
