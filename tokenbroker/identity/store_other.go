//go:build !windows

package identity

import (
	"errors"
	"time"
)

// fromStore has no store to look into.
func fromStore(Query, time.Time) (material, error) {
	return material{}, errors.New("only Windows has a certificate store; use a PFX file or PEM files")
}
