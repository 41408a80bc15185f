package atsite

import "testing"

// TestSettingsOnly: settings that cannot work are refused without a look at any file, as they are when the program begins.
func TestSettingsOnly(t *testing.T) {
	const mp, bulk = "code: PS1, management_point: 'http://mp1'", "code: PS1, management_point: 'https://mp1', bulk_token_file: f"
	const account = "code: PS1, management_point: 'http://mp1', directory: ccm_system_windowsauth, windows_login: "
	for name, test := range map[string]struct {
		site, more string
		ok         bool
	}{
		"nothing special":              {mp, "", true},
		"files that are not there":     {mp, "identity: {pfx_file: no.pfx, password_file: no}", true},
		"an account":                   {account + `{user: 'CORP\PC1$', password_file: no}`, "", true},
		"an account without a domain":  {account + "{user: PC1$, password_file: no}", "", false},
		"reply of the STS":             {bulk + ", sts: {reply: 'xml:a b'}", "", false},
		"paths of the token":           {mp + ", dp_token: {paths: ['a//']}", "", false},
		"message that asks for it":     {mp + ", dp_token: {delivery: token-manager, body: hello}", "", false},
		"attributes":                   {mp + ", locations: {attributes: {'a b': c}}", "", false},
		"list of cloud content":        {mp, "cloud: {manifest: {file: a b}}", false},
		"tenant":                       {bulk[:len(bulk)-len(", bulk_token_file: f")], "entra: {type: device_code, tenant: a/b, client_id: c}", false},
		"word that a library replaces": {bulk[:len(bulk)-len(", bulk_token_file: f")], "entra: {type: device_code, tenant: token.example.org, client_id: c}", false},
	} {
		t.Run(name, func(t *testing.T) {
			text := "site: {" + test.site + "}\n" + test.more
			c := parseAlone(t, text)
			e, err := Open(c, Options{SettingsOnly: true})
			if (err == nil) != test.ok {
				t.Fatalf("the settings: %v, want them taken %v", err, test.ok)
			}
			if err == nil {
				e.Close()
				return
			}
			if _, refused := Open(c, Options{}); refused == nil || refused.Error() != err.Error() {
				t.Errorf("the program says %v, and the check %v", refused, err)
			}
		})
	}
}
