package atsite

import (
	"net/http"
	"strings"

	"branchpoint/configs"
	"branchpoint/tokenbroker/windowsauth"
)

// windowsDirectory is the virtual directory in which a Windows account logs in.
const windowsDirectory = "ccm_system_windowsauth"

// loggedIn is t, or what logs in with a Windows account where the directory asks for one.
func (e *Ends) loggedIn(s configs.Site, o Options, t *http.Transport) (http.RoundTripper, error) {
	if !strings.EqualFold(s.Directory, windowsDirectory) {
		return t, nil
	}
	config := windowsauth.Config{
		URL: s.ManagementPoint, User: s.WindowsLogin.User, PasswordFile: s.WindowsLogin.PasswordFile, Transport: t, Logger: o.Log,
	}
	if o.SettingsOnly {
		return t, config.Validate()
	}
	w, err := windowsauth.New(config)
	if err != nil {
		return nil, err
	}
	e.closers = append(e.closers, w.CloseIdleConnections)
	return w, nil
}
