package identity

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"
)

// ncryptSignHash is what x/sys does not wrap. A constant of the process: a lazy procedure only remembers its address.
var ncryptSignHash = windows.NewLazySystemDLL("ncrypt.dll").NewProc("NCryptSignHash")

// storeKey is a key that Windows keeps, perhaps in a TPM: it signs, and does nothing else here. It prints as what it is.
//
// It asks for a CNG handle, which Windows gives for keys of the old cryptographic providers too: those are what certificate
// templates for clients of Configuration Manager commonly make.
type storeKey struct {
	public  *rsa.PublicKey
	handle  windows.Handle
	context *windows.CertContext // owns handle
}

var _ crypto.Signer = (*storeKey)(nil)

// openStoreKey opens the key of a certificate. The handle lives as long as the storeKey.
func openStoreKey(of *windows.CertContext, cert *x509.Certificate) (*storeKey, error) {
	public, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("the certificate is not one for an RSA key")
	}
	k := &storeKey{public: public, context: windows.CertDuplicateCertificateContext(of)}
	// With the cache flag the handle belongs to the context (CryptAcquireCertificatePrivateKey, wincrypt.h).
	runtime.AddCleanup(k, func(c *windows.CertContext) { _ = windows.CertFreeCertificateContext(c) }, k.context)
	var spec uint32
	var mine bool
	err := windows.CryptAcquireCertificatePrivateKey(k.context,
		windows.CRYPT_ACQUIRE_CACHE_FLAG|windows.CRYPT_ACQUIRE_SILENT_FLAG|windows.CRYPT_ACQUIRE_ONLY_NCRYPT_KEY_FLAG,
		nil, &k.handle, &spec, &mine)
	if err != nil {
		return nil, fmt.Errorf("opening the key of the certificate (is this account allowed to use it?): %w", err)
	}
	if spec != windows.CERT_NCRYPT_KEY_SPEC || mine {
		return nil, errors.New("opening the key of the certificate: Windows gives no CNG key for it")
	}
	return k, nil
}

// Public is the *rsa.PublicKey.
func (k *storeKey) Public() crypto.PublicKey { return k.public }

// Paddings of NCryptSignHash (bcrypt.h).
const (
	padPKCS1 = 0x2
	padPSS   = 0x8
	silent   = 0x40
)

type pkcs1Info struct{ algorithm *uint16 }

type pssInfo struct {
	algorithm *uint16
	salt      uint32
}

// Sign implements crypto.Signer. A hash of 0 signs the digest without the name of an algorithm.
func (k *storeKey) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	algorithm, err := algorithmName(opts.HashFunc())
	if err != nil {
		return nil, err
	}
	if len(digest) == 0 || opts.HashFunc() != 0 && len(digest) != opts.HashFunc().Size() {
		return nil, errors.New("signing: the digest has the wrong length")
	}
	pss, ok := opts.(*rsa.PSSOptions)
	if !ok {
		info := &pkcs1Info{algorithm}
		return k.sign(unsafe.Pointer(info), digest, padPKCS1)
	}
	salt := pss.SaltLength
	if salt == rsa.PSSSaltLengthEqualsHash || salt == rsa.PSSSaltLengthAuto {
		salt = opts.HashFunc().Size()
	}
	info := &pssInfo{algorithm, uint32(salt)}
	return k.sign(unsafe.Pointer(info), digest, padPSS)
}

func (k *storeKey) sign(info unsafe.Pointer, digest []byte, flags uintptr) ([]byte, error) {
	signature := make([]byte, k.public.Size())
	var size uint32
	status, _, _ := ncryptSignHash.Call(uintptr(k.handle), uintptr(info),
		uintptr(unsafe.Pointer(&digest[0])), uintptr(len(digest)),
		uintptr(unsafe.Pointer(&signature[0])), uintptr(len(signature)), uintptr(unsafe.Pointer(&size)), flags|silent)
	runtime.KeepAlive(k)
	if status != 0 {
		return nil, fmt.Errorf("signing with the key of the certificate: %w", windows.Errno(uint32(status)))
	}
	if int(size) > len(signature) {
		return nil, errors.New("signing with the key of the certificate: the signature is too long")
	}
	return signature[:size], nil
}

// algorithmName is the name that CNG has for a hash (bcrypt.h). 0 has none, which PKCS #1 padding takes for a bare digest.
func algorithmName(h crypto.Hash) (*uint16, error) {
	switch h {
	case 0:
		return nil, nil
	case crypto.SHA1:
		return windows.UTF16PtrFromString("SHA1")
	case crypto.SHA256:
		return windows.UTF16PtrFromString("SHA256")
	case crypto.SHA384:
		return windows.UTF16PtrFromString("SHA384")
	case crypto.SHA512:
		return windows.UTF16PtrFromString("SHA512")
	}
	return nil, fmt.Errorf("signing: Windows does not know the hash %v", h)
}

// Format says that there is a key, for every verb.
func (*storeKey) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "a private key of Windows") }

// MarshalText says that there is a key.
func (*storeKey) MarshalText() ([]byte, error) { return []byte("a private key of Windows"), nil }
