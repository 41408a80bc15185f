package atsite

import (
	"fmt"
	"strings"

	"branchpoint/tokenbroker/ccm"
)

// way adds a client for messages, and what asks the same server for its documents.
func (e *Ends) way(name string, base ccm.Config, o Options) (err error) {
	if e.Ways[name], err = ccm.New(base); err != nil {
		return err
	}
	config := ccm.BootstrapConfig{
		URL: base.URL, Directory: documentDirectory(name, base.Directory), MPList: listQuery(name) + base.SiteCode, Store: o.Documents,
		Transport: base.Transport, CCMToken: base.CCMToken, CCMTokenHeader: base.CCMTokenHeader,
	}
	documents, err := ccm.NewBootstrap(config)
	if err != nil && config.Store != "" { // clients are served also when the folder cannot be used
		o.Log.Warn("the documents of the site are not kept", "directory", config.Store, "error", err)
		config.Store = ""
		documents, err = ccm.NewBootstrap(config)
	}
	if err != nil {
		return fmt.Errorf("the documents of the site: %w", err)
	}
	e.documents[name] = documents
	e.closers = append(e.closers, func() { _ = documents.Close() }) // a folder that was open
	return nil
}

// documentDirectory is the virtual directory for documents that lets in whom the one for messages lets in. A gateway has one only.
func documentDirectory(way, messages string) string {
	if way == Gateway {
		return "SMS_MP"
	}
	switch strings.ToLower(messages) {
	case windowsDirectory:
		return "SMS_MP_WindowsAuth"
	case "ccm_system_altauth":
		return "SMS_MP_AltAuth"
	case ccm.TokenDirectory:
		return "SMS_MP_TokenAuth"
	}
	return "SMS_MP"
}

// listQuery asks for the management points of a site that clients of a way may ask: by a gateway, those that face the internet.
func listQuery(way string) string {
	if way == Gateway {
		return "MPLIST2&"
	}
	return "MPLIST1&"
}
