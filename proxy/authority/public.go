package authority

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// ReadPublic is Read for who only wants to look: where the key in use is not there, or not for us to open, the certificate files
// tell. unread then says why; nil: the key can be read. Nobody should be made to trust what unread comes with.
func ReadPublic(dir string) (c Certificates, unread, err error) {
	_, unread = readPair(dir, currentKey)
	switch {
	case unread == nil:
		c, err = Read(dir)
		return c, nil, err
	case !errors.Is(unread, ErrNone) && !errors.Is(unread, fs.ErrPermission):
		return c, nil, unread
	}
	if c.Current, err = readCertificate(dir, currentCert); err != nil {
		return c, nil, err
	}
	if c.Current == nil {
		return c, nil, unread
	}
	if errors.Is(unread, ErrNone) {
		unread = fmt.Errorf("there is no %s", filepath.Join(dir, currentKey))
	}
	if c.Next, err = readCertificate(dir, nextCert); err != nil {
		return c, nil, err
	}
	if c.Previous, err = readCertificate(dir, previousCert); err != nil {
		return c, nil, err
	}
	return c, unread, nil
}
