package ccm

import (
	"bytes"
	"crypto/rsa"
	"encoding/binary"
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

// vectors are signatures whose key is thrown away, made by other code than ours.
type vectors struct {
	SMSID                string `json:"smsid"`
	PublicKeyBlob        string `json:"public_key_blob_hex"`
	ClientIDBytes        string `json:"client_id_signed_bytes_hex"`
	ClientIDSignature    string `json:"client_id_signature"`
	BodyText             string `json:"body_text"`
	BodyLength           int    `json:"body_uncompressed_len"`
	BodyZlib             string `json:"body_zlib_hex"`
	PayloadSignature     string `json:"payload_signature"`
	ClientToken          string `json:"client_token"`
	ClientTokenBytes     string `json:"client_token_signed_bytes_hex"`
	ClientTokenSignature string `json:"client_token_signature_with_oid"`
	ClientTokenBare      string `json:"client_token_signature_no_oid"`
}

func readVectors(t *testing.T) (v vectors, key *rsa.PublicKey) {
	t.Helper()
	raw, err := os.ReadFile("testdata/vectors.json")
	must(t, err)
	must(t, json.Unmarshal(raw, &v))
	blob := unhex(t, v.PublicKeyBlob)
	modulus := slices.Clone(blob[20:])
	slices.Reverse(modulus)
	return v, &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(binary.LittleEndian.Uint32(blob[16:]))}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	must(t, err)
	return b
}

// TestVectors checks that what we would sign, send and write into a header is what the vectors hold.
func TestVectors(t *testing.T) {
	v, key := readVectors(t)
	if got := upperHex(publicKeyBlob(key)); got != v.PublicKeyBlob {
		t.Errorf("public key blob\n%s, want\n%s", got, v.PublicKeyBlob)
	}
	if got := hex.EncodeToString(encodeTerminated(v.SMSID)); got != v.ClientIDBytes {
		t.Errorf("the bytes of the client id are\n%s, want\n%s", got, v.ClientIDBytes)
	}
	if got := encodeTerminated(v.BodyText); len(got) != v.BodyLength {
		t.Errorf("the body is %d bytes, want %d", len(got), v.BodyLength)
	}
	inflated, err := inflate(unhex(t, v.BodyZlib), 1<<20)
	must(t, err)
	if text, err := decodeText(inflated); err != nil || text != v.BodyText {
		t.Errorf("the compressed body is %q (%v), want %q", text, err, v.BodyText)
	}
	if got := v.SMSID + ";" + timestamp(time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)) + ";2"; got != v.ClientToken {
		t.Errorf("client token %q, want %q", got, v.ClientToken)
	}
	if got := hex.EncodeToString(encodeTerminated(v.ClientToken)); got != v.ClientTokenBytes {
		t.Errorf("the bytes of the client token are\n%s, want\n%s", got, v.ClientTokenBytes)
	}
}

// TestVectorSignatures checks what the signatures of the vectors are over, and in which form.
func TestVectorSignatures(t *testing.T) {
	v, key := readVectors(t)
	unreversed := unhex(t, v.ClientIDSignature)
	slices.Reverse(unreversed)
	for _, c := range []struct {
		name      string
		message   []byte
		signature string
		withOID   bool
		want      bool
	}{
		{"client id", encodeTerminated(v.SMSID), v.ClientIDSignature, true, true},
		{"payload is what is sent", unhex(t, v.BodyZlib), v.PayloadSignature, true, true},
		{"payload is not the text", encodeTerminated(v.BodyText), v.PayloadSignature, true, false},
		{"client token", encodeTerminated(v.ClientToken), v.ClientTokenSignature, true, true},
		{"client token, bare hash", encodeTerminated(v.ClientToken), v.ClientTokenBare, false, true},
		{"bare is not with the algorithm", encodeTerminated(v.ClientToken), v.ClientTokenBare, true, false},
		{"with the algorithm is not bare", encodeTerminated(v.ClientToken), v.ClientTokenSignature, false, false},
		{"unreversed", encodeTerminated(v.SMSID), upperHex(unreversed), true, false},
		{"without the terminator", encodeText(v.SMSID), v.ClientIDSignature, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := verifies(key, c.message, c.signature, c.withOID); got != c.want {
				t.Errorf("the signature verifies: %v, want %v", got, c.want)
			}
		})
	}
}

func TestSign(t *testing.T) {
	i := testIdentity(t, testSMSID)
	message := []byte("a message")
	for _, withOID := range []bool{true, false} {
		signature, err := i.sign(message, SHA256, withOID)
		must(t, err)
		if !verifies(&testKey().PublicKey, message, signature, withOID) || verifies(&testKey().PublicKey, message, signature, !withOID) {
			t.Errorf("with the algorithm %v: the signature is of the other form, or none", withOID)
		}
	}
	old, err := i.sign(message, SHA1, true)
	must(t, err)
	if len(old) != 512 || verifies(&testKey().PublicKey, message, old, true) {
		t.Error("SHA-1 gives a signature of SHA-256, or none")
	}
	if _, err := i.sign(message, "1.2.3", true); err == nil {
		t.Error("an unknown algorithm signs")
	}
}

func TestAuthenticator(t *testing.T) {
	at := time.Date(2024, 1, 2, 4, 4, 5, 999, time.FixedZone("", 3600))
	bare := strings.TrimPrefix(testSMSID, "GUID:")
	for _, c := range []struct {
		name   string
		a      Authenticator
		fields map[string]string
	}{
		{"none", Authenticator{}, nil},
		{"client token", Authenticator{Form: ClientToken}, map[string]string{"ClientToken": testSMSID + ";2024-01-02T03:04:05Z;2"}},
		{"bare hash", Authenticator{Form: ClientToken, WithoutOID: true}, map[string]string{"ClientToken": testSMSID + ";2024-01-02T03:04:05Z;2"}},
		{"no suffix", Authenticator{Form: ClientToken, Suffix: "none"}, map[string]string{"ClientToken": testSMSID + ";2024-01-02T03:04:05Z"}},
		{"braces", Authenticator{Form: ClientToken, ID: Braced, Suffix: "none"}, map[string]string{"ClientToken": "{" + bare + "};2024-01-02T03:04:05Z"}},
		{"old clients", Authenticator{Form: CCMClient}, map[string]string{"CCMClientID": testSMSID, "CCMClientTimestamp": "2024-01-02T03:04:05Z"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			must(t, c.a.Validate())
			h := http.Header{}
			must(t, c.a.Apply(testIdentity(t, testSMSID), at, h))
			if len(h) != 2*len(c.fields) {
				t.Errorf("the header has %d fields, want %d", len(h), 2*len(c.fields))
			}
			for name, want := range c.fields {
				if got := strings.Join(h[name], ","); got != want {
					t.Errorf("%s: %s, want %s", name, got, want)
				}
				signature := strings.Join(h[name+"Signature"], ",")
				if !verifies(&testKey().PublicKey, utf16le(want, true), signature, !c.a.WithoutOID) {
					t.Errorf("%sSignature does not verify", name)
				}
			}
		})
	}
	if err := (Authenticator{Form: ClientToken}).Apply(testIdentity(t, ""), at, http.Header{}); err == nil {
		t.Error("an identity without an id signs a header")
	}
	for _, bad := range []Authenticator{{Form: "x"}, {Form: ClientToken, ID: "x"}, {Form: ClientToken, Suffix: ";\n"}, {Hash: "1"}} {
		if bad.Validate() == nil {
			t.Errorf("%+v passes for settings", bad)
		}
	}
}

// TestAuthenticatorNamesTheRegistered checks that messages carry it from when there is an id to name.
func TestAuthenticatorNamesTheRegistered(t *testing.T) {
	const registration = `<ClientRegistrationResponse Status="0" ApprovalStatus="1" SMSID="` + testSMSID + `"/>`
	register := func(c *Client) error { _, err := c.Register(t.Context()); return err }
	confirm := func(c *Client) error { _, err := c.Confirm(t.Context()); return err }
	locate := func(c *Client) error { _, err := c.Locate(t.Context(), Content{}, Place{}); return err }
	for _, c := range []struct {
		name    string
		of      *Identity
		ask     func(*Client) error
		answer  string
		carries bool
	}{
		{"a registration", testIdentity(t, ""), register, registration, false},
		{"a registration anew", testIdentity(t, testSMSID), register, registration, false},
		{"the state of a registration", testIdentity(t, testSMSID), confirm, registration, true},
		{"a question of who is not registered", testIdentity(t, ""), locate, noLocations, false},
		{"a question of nobody", nil, locate, noLocations, false},
		{"a question of who is registered", testIdentity(t, testSMSID), locate, noLocations, true},
	} {
		for form, field := range map[AuthenticatorForm]string{ClientToken: "ClientToken", CCMClient: "CCMClientID"} {
			t.Run(c.name+", "+string(form), func(t *testing.T) {
				s := newSite(t, func(received) string { return c.answer })
				must(t, c.ask(testClient(t, s, func(config *Config) {
					config.Identity, config.Authenticator.Form, config.Location.Unsigned = c.of, form, true
				})))
				for _, name := range []string{field, field + "Signature"} {
					if carries := s.messages()[0].header.Get(name) != ""; carries != c.carries {
						t.Errorf("the message carries %s: %v, want %v", name, carries, c.carries)
					}
				}
			})
		}
	}
}

func TestPublicKeyBlob(t *testing.T) {
	got := publicKeyBlob(&testKey().PublicKey)
	want := unhex(t, "0602000000A40000525341310008000001000100")
	if !bytes.HasPrefix(got, want) || len(got) != 276 {
		t.Errorf("the blob begins with %x and is %d bytes, want %x and 276", got[:20], len(got), want)
	}
}
