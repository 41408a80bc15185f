package sim

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// vectors are signatures by a key that nobody has any more (testdata/message_vectors.json).
type vectors struct {
	SMSID       string `json:"smsid"`
	Blob        string `json:"public_key_blob_hex"`
	IDBytes     string `json:"client_id_signed_bytes_hex"`
	ID          string `json:"client_id_signature"`
	Body        string `json:"body_text"`
	Length      int    `json:"body_uncompressed_len"`
	Zlib        string `json:"body_zlib_hex"`
	Payload     string `json:"payload_signature"`
	Token       string `json:"client_token"`
	TokenBytes  string `json:"client_token_signed_bytes_hex"`
	TokenOID    string `json:"client_token_signature_with_oid"`
	TokenWithou string `json:"client_token_signature_no_oid"`
}

func readVectors(t *testing.T) (v vectors, key *rsa.PublicKey) {
	t.Helper()
	text, err := os.ReadFile("testdata/message_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	blob := vectorBytes(t, v.Blob)
	modulus := bytes.Clone(blob[20:])
	slices.Reverse(modulus)
	return v, &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: 65537}
}

func vectorBytes(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVectors(t *testing.T) {
	v, key := readVectors(t)
	if got := publicKeyBlob(key); upperHex(got) != v.Blob {
		t.Errorf("the key as a blob is %x", got)
	}
	if got := append(utf16le(v.SMSID), 0, 0); !bytes.Equal(got, vectorBytes(t, v.IDBytes)) {
		t.Errorf("the id as it is signed is %x", got)
	}
	if got := append(utf16le(v.Token), 0, 0); !bytes.Equal(got, vectorBytes(t, v.TokenBytes)) {
		t.Errorf("the token as it is signed is %x", got)
	}
	plain, err := inflate(vectorBytes(t, v.Zlib))
	if err != nil || !bytes.Equal(plain, append(utf16le(v.Body), 0, 0)) || len(plain) != v.Length {
		t.Errorf("the body is %d bytes, %v", len(plain), err)
	}
	signature := vectorBytes(t, v.Payload)
	slices.Reverse(signature)
	for name, tt := range map[string]struct {
		data      []byte
		signature string
		good      bool
	}{
		"client id":            {vectorBytes(t, v.IDBytes), v.ID, true},
		"payload":              {vectorBytes(t, v.Zlib), v.Payload, true},
		"token":                {vectorBytes(t, v.TokenBytes), v.TokenOID, true},
		"token without OID":    {vectorBytes(t, v.TokenBytes), v.TokenWithou, true},
		"lower case":           {vectorBytes(t, v.IDBytes), strings.ToLower(v.ID), true},
		"unreversed":           {vectorBytes(t, v.Zlib), upperHex(signature), false},
		"uncompressed payload": {plain, v.Payload, false},
		"without terminator":   {utf16le(v.SMSID), v.ID, false},
		"of something else":    {vectorBytes(t, v.IDBytes), v.Payload, false},
		"cut":                  {vectorBytes(t, v.IDBytes), v.ID[2:], false},
		"not hexadecimal":      {vectorBytes(t, v.IDBytes), "x" + v.ID[1:], false},
		"none":                 {vectorBytes(t, v.IDBytes), "", false},
	} {
		if got := verifies(key, crypto.SHA256, tt.data, tt.signature); got != tt.good {
			t.Errorf("%s: verifies is %v", name, got)
		}
	}
}

// TestVectorsOnTheWire sends the signed message of the vectors, with their token in its header.
func TestVectorsOnTheWire(t *testing.T) {
	v, key := readVectors(t)
	m := newTestMP(t, func(_ *testMP, c *ManagementPointConfig) { c.RequireAuthenticator = []string{"CCM_System"} })
	m.registry.byID[v.SMSID] = &clientRecord{MPClient: MPClient{SMSID: v.SMSID, Name: "VECTOR", Approval: Approved}, key: key}
	stamp, err := time.Parse(time.RFC3339, strings.Split(v.Token, ";")[1])
	if err != nil {
		t.Fatal(err)
	}
	m.clock.now = stamp.Add(time.Minute)
	c := m.caller("http", Machine{Name: "PC1"})
	for _, one := range []struct{ signature, want string }{{v.TokenOID, ""}, {v.TokenWithou, ""}, {v.Payload, "authenticator"}} {
		signature, want := one.signature, one.want
		c.header = http.Header{"ClientToken": {v.Token}, "ClientTokenSignature": {signature}}
		hook := `<Hook2 Name="clientauth"><Property Name="AuthSenderMachine">PC1</Property><Property Name="PublicKey">` + v.Blob +
			`</Property><Property Name="ClientIDSignature">` + v.ID + `</Property><Property Name="PayloadSignature">` + v.Payload +
			`</Property><Property Name="HashAlgorithm">1.2.840.113549.1.1.11</Property></Hook2>`
		got := c.post(post{endpoint: "MP_LocationManager", body: v.Body, wire: func(w *wire) {
			w.sent, w.hooks, w.sourceID = vectorBytes(t, v.Zlib), hook, v.SMSID
		}})
		if (want == "") != strings.HasPrefix(got.body, "<SiteInfoReply") || !strings.Contains(m.refusal(), want) {
			t.Errorf("token signature %.8s: %q, refused: %s", signature, got.body, m.refusal())
		}
	}
	if e := m.Messages.Entries()[0]; e.Machine != "VECTOR" || e.SMSID != v.SMSID {
		t.Errorf("the message is logged as one of %q, %q", e.Machine, e.SMSID)
	}
}

// TestSignatures: what signs a message, and what does not.
func TestSignatures(t *testing.T) {
	m := newTestMP(t, nil)
	c := m.approvedCaller("PC1")
	stranger := m.caller("http", m.machine(Workgroup, "PC2"))
	stranger.smsid = c.smsid
	unknown := *c
	unknown.smsid = "GUID:00000000-0000-4000-8000-000000000000"
	for name, tt := range map[string]struct {
		from   *caller
		change func(*wire)
		reason string // "" is an answer
	}{
		"as tools do":             {c, nil, ""},
		"without OID":             {c, func(w *wire) { w.noOID = true }, ""},
		"SHA-1":                   {c, func(w *wire) { w.hash = crypto.SHA1 }, ""},
		"SHA-1 and not named":     {c, func(w *wire) { w.hash, w.noAlgo = crypto.SHA1, true }, ""},
		"no ClientIDSignature":    {c, func(w *wire) { w.clientID = "-" }, ""},
		"id in lower case":        {c, func(w *wire) { w.sourceID = strings.ToLower(c.smsid) }, ""},
		"another key stated":      {c, func(w *wire) { w.hooks = `<Hook2 Name="other"><Property Name="PublicKey">00</Property></Hook2>` }, ""},
		"a little late":           {c, func(w *wire) { w.sentTime = stamp(m, -4*time.Minute) }, ""},
		"unreversed":              {c, func(w *wire) { w.reversed = false }, "PayloadSignature"},
		"over the body":           {c, func(w *wire) { w.signs = w.plain }, "PayloadSignature"},
		"not named":               {c, func(w *wire) { w.noAlgo = true }, "PayloadSignature"},
		"of another id":           {c, func(w *wire) { w.clientID = "GUID:" }, "ClientIDSignature"},
		"of the id in lower case": {c, func(w *wire) { w.clientID = strings.ToLower(c.smsid) }, "ClientIDSignature"},
		"stale":                   {c, func(w *wire) { w.sentTime = stamp(m, -6*time.Minute) }, "clocks"},
		"ahead":                   {c, func(w *wire) { w.sentTime = stamp(m, 6*time.Minute) }, "clocks"},
		"no time":                 {c, func(w *wire) { w.sentTime = "" }, "clocks"},
		"of another machine":      {stranger, nil, "PayloadSignature"},
		"of nobody":               {&unknown, nil, "not registered"},
		"no id":                   {c, func(w *wire) { w.sourceID = "" }, "not registered"},
		"no signature":            {c, func(w *wire) { w.hooks = `<Hook2 Name="clientauth"/>` }, "no PayloadSignature"},
	} {
		p := post{endpoint: "MP_LocationManager", body: siteInformation, signed: true, wire: tt.change}
		got := tt.from.post(p)
		if tt.reason == "" && !strings.HasPrefix(got.body, "<SiteInfoReply") || tt.reason != "" && !got.refusedSilently() ||
			!strings.Contains(m.refusal(), tt.reason) {
			t.Errorf("%s: %d %q, refused: %s", name, got.status, got.body, m.refusal())
		}
	}
	m.change(func(s *MPSettings) { s.Skew = time.Hour })
	late := post{endpoint: "MP_LocationManager", body: siteInformation, signed: true, wire: func(w *wire) { w.sentTime = stamp(m, -50*time.Minute) }}
	if got := c.post(late); !strings.HasPrefix(got.body, "<SiteInfoReply") {
		t.Errorf("within a skew of an hour: %q, refused: %s", got.body, m.refusal())
	}
	m.clock.advance(-30 * time.Minute)
	if got := c.post(post{endpoint: "MP_LocationManager", body: siteInformation}); got.header.Get("Date") != m.clock.Now().UTC().Format(http.TimeFormat) {
		t.Errorf("the answer says that it is %s", got.header.Get("Date"))
	}
}

func stamp(m *testMP, off time.Duration) string {
	return m.clock.Now().Add(off).UTC().Format("2006-01-02T15:04:05Z")
}

// TestAuthenticators: the signed header fields, in a directory that wants them.
func TestAuthenticators(t *testing.T) {
	m := newTestMP(t, func(_ *testMP, c *ManagementPointConfig) { c.RequireAuthenticator = []string{"ccm_system_altauth"} })
	c, other := m.approvedCaller("PC1"), m.approvedCaller("PC2")
	bare := strings.TrimPrefix(c.smsid, "GUID:")
	sign := func(text string, noOID bool) string {
		return c.sign(&wire{hash: crypto.SHA256, reversed: true, noOID: noOID}, append(utf16le(text), 0, 0))
	}
	token := func(text string, noOID bool) http.Header {
		return http.Header{"ClientToken": {text}, "ClientTokenSignature": {sign(text, noOID)}}
	}
	old := func(stampName string) http.Header {
		now := stamp(m, 0)
		return http.Header{"CCMClientID": {c.smsid}, "CCMClientIDSignature": {sign(c.smsid, false)}, "CCMClientTimestamp": {now}, stampName: {sign(now, false)}}
	}
	for name, tt := range map[string]struct {
		header http.Header
		reason string
	}{
		"current":             {token(c.smsid+";"+stamp(m, 0)+";2", false), ""},
		"without OID":         {token(c.smsid+";"+stamp(m, 0)+";2", true), ""},
		"no suffix":           {token(c.smsid+";"+stamp(m, 0), false), ""},
		"braces":              {token("{"+bare+"};"+stamp(m, 0), false), ""},
		"old":                 {old("CCMClientTimestampSignature"), ""},
		"old, as documented":  {old("CCMClientTimestampsSignature"), ""},
		"none":                {http.Header{}, "wants"},
		"no signature":        {http.Header{"ClientToken": {c.smsid + ";" + stamp(m, 0) + ";2"}}, "signature of the authenticator"},
		"old with one of two": {old("X-Nothing"), "signature of the authenticator"},
		"stale":               {token(c.smsid+";"+stamp(m, -time.Hour)+";2", false), "clocks"},
		"no time":             {token(c.smsid, false), "clocks"},
		"signed by another":   {token(other.smsid+";"+stamp(m, 0)+";2", false), "signature of the authenticator"},
		"of nobody":           {token("GUID:"+newGUID()+";"+stamp(m, 0)+";2", false), "not registered"},
		"of no id":            {token("PC1;"+stamp(m, 0)+";2", false), "not registered"},
	} {
		c.header = tt.header
		got := c.post(post{dir: "ccm_system_altauth", endpoint: "MP_LocationManager", body: siteInformation, signed: true})
		if (tt.reason == "") != strings.HasPrefix(got.body, "<SiteInfoReply") || !strings.Contains(m.refusal(), tt.reason) {
			t.Errorf("%s: %d %q, refused: %s", name, got.status, got.body, m.refusal())
		}
	}
	other.header = token(c.smsid+";"+stamp(m, 0)+";2", false)
	if got := other.post(post{dir: "ccm_system_altauth", endpoint: "MP_LocationManager", body: siteInformation, signed: true}); !got.refusedSilently() {
		t.Errorf("one machine's authenticator with another's message: %q", got.body)
	}
	c.header = nil
	if got := c.post(post{endpoint: "MP_LocationManager", body: siteInformation, signed: true}); !strings.HasPrefix(got.body, "<SiteInfoReply") {
		t.Errorf("a directory that wants none: %s", m.refusal())
	}
	c.introduce("Confirmation", "ccm_system_altauth")
	if got := c.introduce("Registration", "ccm_system_altauth"); got != "0/1" {
		t.Errorf("registering needs an authenticator: %s", got)
	}
}
