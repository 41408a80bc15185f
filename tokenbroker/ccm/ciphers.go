package ccm

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rsa"
	"crypto/x509/pkix"
	"encoding/asn1"
)

// blockCipher is the cipher of a name and the size of its keys. Nil: it is not one of CM's.
func blockCipher(oid string) (func([]byte) (cipher.Block, error), int) {
	switch oid {
	case oid3DES:
		return des.NewTripleDESCipher, 24
	case oidAES128:
		return aes.NewCipher, 16
	case oidAES192:
		return aes.NewCipher, 24
	case oidAES256:
		return aes.NewCipher, 32
	}
	return nil, 0
}

// keyTransport says how the key of the content is encrypted. With PKCS #1 v1.5 a key that does not open becomes a random
// one, so that the two cannot be told apart. Nil: it is none of the known ways.
func keyTransport(a pkix.AlgorithmIdentifier, size int) crypto.DecrypterOpts {
	switch a.Algorithm.String() {
	case oidRSA:
		//lint:ignore SA1019 the protocol has it, and a key that does not open is not told from one that does
		return &rsa.PKCS1v15DecryptOptions{SessionKeyLen: size}
	case oidOAEP:
		var parameters struct {
			Hash pkix.AlgorithmIdentifier `asn1:"optional,explicit,tag:0"`
			Mask asn1.RawValue            `asn1:"optional,tag:1"`
			Text asn1.RawValue            `asn1:"optional,tag:2"`
		}
		if _, err := asn1.Unmarshal(a.Parameters.FullBytes, &parameters); err != nil {
			return nil
		}
		switch parameters.Hash.Algorithm.String() {
		case "", oidSHA1: // the default of RFC 8017
			return &rsa.OAEPOptions{Hash: crypto.SHA1}
		case oidSHA256:
			return &rsa.OAEPOptions{Hash: crypto.SHA256}
		}
	}
	return nil
}

// decryptCBC decrypts a content in cipher block chaining.
func decryptCBC(block cipher.Block, content encryptedContent) ([]byte, error) {
	var iv []byte
	if _, err := asn1.Unmarshal(content.Algorithm.Parameters.FullBytes, &iv); err != nil || len(iv) != block.BlockSize() {
		return nil, errNotEnveloped
	}
	data := octets(content.Data)
	if len(data) == 0 || len(data)%len(iv) != 0 {
		return nil, errNotEnveloped
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data)
	return unpad(plain, len(iv))
}

// octets are the bytes of an OCTET STRING, which may come in pieces. Nil: it is none.
func octets(v asn1.RawValue) []byte {
	if !v.IsCompound {
		return v.Bytes
	}
	var all []byte
	for rest := v.Bytes; len(rest) > 0; {
		var piece []byte
		var err error
		if rest, err = asn1.Unmarshal(rest, &piece); err != nil {
			return nil
		}
		all = append(all, piece...)
	}
	return all
}

// unpad takes the padding of RFC 5652 section 6.3 off.
func unpad(plain []byte, size int) ([]byte, error) {
	n := int(plain[len(plain)-1])
	if n == 0 || n > size || !bytes.HasSuffix(plain, bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, errNotEnveloped
	}
	return plain[:len(plain)-n], nil
}
