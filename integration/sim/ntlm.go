package sim

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // MS-NLMP is made of it
	"crypto/rand"
	"encoding/binary"
	"errors"
	"strings"
	"time"
	"unicode/utf16"
)

// The three messages of NTLM version 2 (MS-NLMP section 2.2), as far as both ends need them to prove a password over one
// connection. Nothing is signed or sealed afterwards.

// Account is somebody who may log in.
type Account struct {
	// Domain and Name; letter case does not matter.
	Domain, Name string
	Password     Secret
}

// String is DOMAIN\name.
func (a Account) String() string { return a.Domain + `\` + a.Name }

const ntlmSignature = "NTLMSSP\x00"

// ntlmFlags: Unicode, request target, NTLM, always sign, extended session security, target info.
const ntlmFlags = 0x00000001 | 0x00000004 | 0x00000200 | 0x00008000 | 0x00080000 | 0x00800000

var errNTLM = errors.New("not the NTLM message that was expected")

// ntlmKind is the message type, 0 when it is no NTLM message.
func ntlmKind(m []byte) uint32 {
	if len(m) < 12 || string(m[:8]) != ntlmSignature {
		return 0
	}
	return binary.LittleEndian.Uint32(m[8:])
}

// ntlmHello is message 1.
func ntlmHello() []byte {
	m := binary.LittleEndian.AppendUint32([]byte(ntlmSignature), 1)
	m = binary.LittleEndian.AppendUint32(m, ntlmFlags)
	return append(m, make([]byte, 16)...)
}

// ntlmChallenge is message 2 with the server's nonce.
func ntlmChallenge(domain string, nonce []byte) []byte {
	name := utf16le(domain)
	info := binary.LittleEndian.AppendUint16(nil, 2) // MsvAvNbDomainName
	info = binary.LittleEndian.AppendUint16(info, uint16(len(name)))
	info = append(append(info, name...), 0, 0, 0, 0)
	m := binary.LittleEndian.AppendUint32([]byte(ntlmSignature), 2)
	m = appendField(m, len(name), 56)
	m = binary.LittleEndian.AppendUint32(m, ntlmFlags)
	m = append(append(m, nonce...), make([]byte, 8)...)
	m = appendField(m, len(info), 56+len(name))
	m = append(m, make([]byte, 8)...)
	return append(append(m, name...), info...)
}

// ntlmProve is message 3: the answer of an account to message 2.
func ntlmProve(a Account, challenge []byte) ([]byte, error) {
	info, ok := field(challenge, 40)
	if ntlmKind(challenge) != 2 || !ok || len(challenge) < 48 {
		return nil, errNTLM
	}
	proof := []byte{1, 1, 0, 0, 0, 0, 0, 0}
	proof = binary.LittleEndian.AppendUint64(proof, uint64(fileTime(time.Now())))
	nonce := make([]byte, 8)
	_, _ = rand.Read(nonce) // never fails
	proof = append(append(proof, nonce...), 0, 0, 0, 0)
	proof = append(append(proof, info...), 0, 0, 0, 0)
	response := append(ntlmMAC(a, challenge[24:32], proof), proof...)

	parts := [][]byte{make([]byte, 24), response, utf16le(a.Domain), utf16le(a.Name), utf16le("SIM"), nil}
	m := binary.LittleEndian.AppendUint32([]byte(ntlmSignature), 3)
	at := 64
	for _, part := range parts {
		m = appendField(m, len(part), at)
		at += len(part)
	}
	m = binary.LittleEndian.AppendUint32(m, ntlmFlags)
	for _, part := range parts {
		m = append(m, part...)
	}
	return m, nil
}

// ntlmVerify finds the account that message 3 proves, against the nonce of message 2.
func ntlmVerify(m, nonce []byte, accounts []Account) (Account, bool) {
	response, ok1 := field(m, 20)
	domain, ok2 := field(m, 28)
	user, ok3 := field(m, 36)
	if ntlmKind(m) != 3 || !ok1 || !ok2 || !ok3 || len(response) < 24 || len(nonce) != 8 {
		return Account{}, false
	}
	for _, a := range accounts {
		if !strings.EqualFold(a.Name, fromUTF16le(user)) || !strings.EqualFold(a.Domain, fromUTF16le(domain)) {
			continue
		}
		as := Account{Domain: fromUTF16le(domain), Name: a.Name, Password: a.Password} // the domain as spelled is hashed
		if hmac.Equal(response[:16], ntlmMAC(as, nonce, response[16:])) {
			return a, true
		}
	}
	return Account{}, false
}

// ntlmMAC is NTProofStr of MS-NLMP section 3.3.2.
func ntlmMAC(a Account, nonce, proof []byte) []byte {
	hash := md4(utf16le(a.Password.Reveal()))
	key := hmac.New(md5.New, hash[:])
	key.Write(utf16le(strings.ToUpper(a.Name) + a.Domain))
	mac := hmac.New(md5.New, key.Sum(nil))
	mac.Write(nonce)
	mac.Write(proof)
	return mac.Sum(nil)
}

func appendField(m []byte, length, at int) []byte {
	m = binary.LittleEndian.AppendUint16(m, uint16(length))
	m = binary.LittleEndian.AppendUint16(m, uint16(length))
	return binary.LittleEndian.AppendUint32(m, uint32(at))
}

// field is the part of a message that the descriptor at a place points to.
func field(m []byte, at int) ([]byte, bool) {
	if len(m) < at+8 {
		return nil, false
	}
	length := int64(binary.LittleEndian.Uint16(m[at:]))
	start := int64(binary.LittleEndian.Uint32(m[at+4:]))
	if start+length > int64(len(m)) {
		return nil, false
	}
	return m[start : start+length], true
}

func utf16le(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return out
}

func fromUTF16le(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}
