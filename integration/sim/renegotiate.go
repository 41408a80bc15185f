package sim

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
)

// lateDemand asks for a client certificate after the handshake, as IIS does for a directory that wants one when its site
// does not: by a HelloRequest (RFC 5246 section 7.4.1.1). crypto/tls does not renegotiate as a server, so the record is made
// here, from the keys of the one cipher suite that is offered. Nobody can answer the demand: the client's next flight ends
// the connection.
type lateDemand struct {
	mu     sync.Mutex
	keys   bytes.Buffer // NSS key log: "CLIENT_RANDOM <client random> <master secret>"
	random []byte       // the server's
	sealed int64        // records that the server has sent encrypted
	cipher bool         // it encrypts
}

const demandSuite = tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256

// Write implements io.Writer for the KeyLogWriter.
func (l *lateDemand) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.keys.Write(p)
}

// see looks at what crypto/tls sends, which is whole records: type, version, length, body (RFC 5246 section 6.2.1).
func (l *lateDemand) see(p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(p) >= 5 {
		body := p[5:min(len(p), 5+int(binary.BigEndian.Uint16(p[3:])))]
		switch {
		case l.cipher:
			l.sealed++
		case p[0] == 20: // change_cipher_spec
			l.cipher = true
		case l.random == nil && p[0] == 22 && len(body) >= 38: // the ServerHello: its random comes after type, length, version
			l.random = bytes.Clone(body[6:38])
		}
		p = p[5+len(body):]
	}
}

// helloRequest is the record that asks for a new handshake.
func (l *lateDemand) helloRequest() ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var clientRandom, master []byte
	if n, _ := fmt.Sscanf(l.keys.String(), "CLIENT_RANDOM %x %x", &clientRandom, &master); n != 2 || !l.cipher {
		return nil, errors.New("demand a certificate: no handshake was seen") // err would show a key
	}
	keys := expand(master, "key expansion"+string(l.random)+string(clientRandom)) // RFC 5246 section 6.3
	serverKey, serverIV := keys[16:32], keys[36:40]                               // RFC 5288 section 3
	block, err := aes.NewCipher(serverKey)
	if err != nil {
		return nil, fmt.Errorf("demand a certificate: %w", err)
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("demand a certificate: %w", err)
	}
	message := make([]byte, 4) // hello_request, of no length
	number := binary.BigEndian.AppendUint64(nil, uint64(l.sealed))
	extra := append(bytes.Clone(number), 22, 3, 3, 0, byte(len(message)))
	body := seal.Seal(bytes.Clone(number), append(bytes.Clone(serverIV), number...), message, extra)
	return append([]byte{22, 3, 3, 0, byte(len(body))}, body...), nil
}

// expand is P_SHA256 (RFC 5246 section 5), 64 bytes of it.
func expand(secret []byte, seed string) (out []byte) {
	mac := func(parts ...string) []byte {
		h := hmac.New(sha256.New, secret)
		for _, part := range parts {
			h.Write([]byte(part))
		}
		return h.Sum(nil)
	}
	for a := mac(seed); len(out) < 64; a = mac(string(a)) {
		out = append(out, mac(string(a), seed)...)
	}
	return out
}
