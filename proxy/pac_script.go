package proxy

import (
	"fmt"
	"strings"
	"unicode/utf16"
)

// pacForm is the script. It is ECMAScript 3 and asks no DNS server: WinHTTP runs it in JScript, for every request. The URL
// of an https request may come without its path, but never without a port that is not the usual one.
const pacForm = `// Branchpoint: what is content comes here, everything else goes straight, and so does everything when nobody is here.
function FindProxyForURL(url, host) {
  // A host or *.suffix, its http ports ("*" is all), its https ports.
  var rules = [%s];
  var parts = /^(https?):\/\/(?:[^\/?#]*@)?(?:\[[^\]\/?#]*\]|[^:\/?#]*)(?::([0-9]*))?(?:[\/?#]|$)/i.exec(url);
  if (!parts) return "DIRECT";
  var secure = parts[1].length == 5;
  var port = " " + (parts[2] || (secure ? "443" : "80")) + " ";
  var name = host.toLowerCase().replace(/^\[/, "").replace(/\]$/, "").replace(/\.$/, "");
  for (var i = 0; i < rules.length; i++) {
    var ports = rules[i][secure ? 2 : 1];
    if (ports != "*" && ports.indexOf(port) < 0) continue;
    var rule = rules[i][0];
    var at = name.length - rule.length + 1;
    if (rule.charAt(0) == "*" ? at > 0 && name.substring(at) == rule.substring(1) : name == rule) return %s;
  }
  return "DIRECT";
}
`

// pacScript is the PAC file for clients that reach us at an address.
func pacScript(address string, rules []pacRule) string {
	var list strings.Builder
	for i, rule := range rules {
		if i > 0 {
			list.WriteByte(',') // none behind the last one: JScript would count an element more
		}
		plain := "*"
		if rule.plain != nil {
			plain = pacPorts(rule.plain)
		}
		fmt.Fprintf(&list, "\n    [%s, %s, %s]", quote(rule.host), quote(plain), quote(pacPorts(rule.tunnelled)))
	}
	return fmt.Sprintf(pacForm, list.String(), quote("PROXY "+address+"; DIRECT"))
}

// pacPorts is " 80 443 ", in which " 80 " can be looked for.
func pacPorts(ports []string) string { return " " + strings.Join(ports, " ") + " " }

// quote makes a string literal of ECMAScript 3. What addresses are made of stays as it is; the rest is escaped, bytes beyond
// ASCII too, since a client may read the file in a code page in which such a byte swallows the quote behind it.
func quote(s string) string {
	var q strings.Builder
	q.WriteByte('"')
	for _, unit := range utf16.Encode([]rune(s)) {
		if unit < 0x80 && (isHost(string(rune(unit))) || strings.ContainsRune(" :;*[]", rune(unit))) {
			q.WriteByte(byte(unit))
		} else {
			fmt.Fprintf(&q, `\u%04x`, unit)
		}
	}
	q.WriteByte('"')
	return q.String()
}
