package sim

import (
	"fmt"
	"strings"
)

// The switches of a DP, which may be thrown while it serves.

// SetAccess changes how a virtual directory lets requests in.
func (d *DP) SetAccess(v Vdir, a Access) error {
	if err := d.config.checkAccess(map[Vdir]Access{v: a}); err != nil {
		return fmt.Errorf("set the access of DP %q: %w", d.config.Name, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.access[v] = a
	return nil
}

// SetACL limits a content (ID without version) to accounts, given as DOMAIN\name: a package access account list. No
// account at all removes the limit.
func (d *DP) SetACL(content string, accounts ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := strings.ToLower(content)
	delete(d.acl, key)
	for _, account := range accounts {
		d.acl[key] = append(d.acl[key], strings.ToLower(account))
	}
}

// Hold sets the newest version of a content that this DP has, as if distribution had not come further: 0 means none at
// all, a negative number removes the limit.
func (d *DP) Hold(content string, newest int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := strings.ToLower(content)
	delete(d.newest, key)
	if newest >= 0 {
		d.newest[key] = newest
	}
}

// SetListing turns listings of folders on or off. Off, they are refused with 403; what a DP really says is not public.
func (d *DP) SetListing(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listing = on
}

// SetDAVRole installs the WebDAV role of IIS, which takes PROPFIND away from the DP: 405 (SupportArticles "HTTP 405").
func (d *DP) SetDAVRole(installed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.davRole = installed
}
