package atsite

import (
	"context"
	"fmt"
	"strings"
	"time"

	"branchpoint/configs"
	"branchpoint/tokenbroker"
	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/secretfile"
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

// Token implements ccm.TokenSource. An error is a tokenbroker.Failure: it names the file, holds nothing of it, and may be shown.
func (b bulkToken) Token(context.Context) (ccm.Token, error) {
	text, err := secretfile.GivenLine(b.file)
	if err != nil {
		return ccm.Token{}, tokenbroker.Failure(fmt.Sprintf("reading the bulk registration token: %v", err))
	}
	t, err := ccm.NewToken(strings.TrimSpace(text), time.Time{})
	if err != nil {
		return ccm.Token{}, tokenbroker.Failure(fmt.Sprintf("reading the bulk registration token: %s does not hold one", b.file))
	}
	return t, nil
}

// Forget implements ccm.TokenSource: the file may hold another one by now.
func (bulkToken) Forget(ccm.Token) {}
