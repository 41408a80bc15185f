package ccm

import (
	"crypto/rsa"
	"encoding/binary"
	"slices"
)

// publicKeyBlob is the PUBLICKEYBLOB of CryptoAPI (Win32 documentation: PUBLICKEYSTRUC, RSAPUBKEY): a header that says
// "public key for CALG_RSA_KEYX", "RSA1", the size in bits, the exponent and the modulus, all with the little end first.
func publicKeyBlob(key *rsa.PublicKey) []byte {
	blob := []byte{0x06, 0x02, 0, 0, 0, 0xa4, 0, 0, 'R', 'S', 'A', '1'}
	blob = binary.LittleEndian.AppendUint32(blob, uint32(key.Size()*8))
	blob = binary.LittleEndian.AppendUint32(blob, uint32(key.E))
	modulus := key.N.FillBytes(make([]byte, key.Size()))
	slices.Reverse(modulus)
	return append(blob, modulus...)
}
