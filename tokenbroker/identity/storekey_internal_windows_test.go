package identity

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // old sites want it
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"
)

// cngKey hands a key to CNG, which holds it in memory, in the form of BCRYPT_RSAFULLPRIVATE_BLOB (bcrypt.h).
func cngKey(t *testing.T, secret *rsa.PrivateKey) windows.Handle {
	t.Helper()
	ncrypt := windows.NewLazySystemDLL("ncrypt.dll")
	call := func(name string, args ...uintptr) {
		t.Helper()
		if status, _, _ := ncrypt.NewProc(name).Call(args...); status != 0 {
			t.Fatalf("%s: %v", name, windows.Errno(uint32(status)))
		}
	}
	wide := func(text string) *uint16 {
		p, err := windows.UTF16PtrFromString(text)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	secret.Precompute()
	size, half := secret.Size(), secret.Size()/2
	var blob bytes.Buffer
	exponent := []byte{1, 0, 1}
	for _, n := range []uint32{0x33415352, uint32(8 * size), uint32(len(exponent)), uint32(size), uint32(half), uint32(half)} {
		_ = binary.Write(&blob, binary.LittleEndian, n)
	}
	blob.Write(exponent)
	blob.Write(secret.N.FillBytes(make([]byte, size)))
	for _, n := range [][]byte{
		secret.Primes[0].FillBytes(make([]byte, half)), secret.Primes[1].FillBytes(make([]byte, half)),
		secret.Precomputed.Dp.FillBytes(make([]byte, half)), secret.Precomputed.Dq.FillBytes(make([]byte, half)),
		secret.Precomputed.Qinv.FillBytes(make([]byte, half)), secret.D.FillBytes(make([]byte, size)),
	} {
		blob.Write(n)
	}
	var provider, key windows.Handle
	call("NCryptOpenStorageProvider", uintptr(unsafe.Pointer(&provider)), uintptr(unsafe.Pointer(wide("Microsoft Software Key Storage Provider"))), 0)
	t.Cleanup(func() { call("NCryptFreeObject", uintptr(provider)) })
	data := blob.Bytes()
	call("NCryptImportKey", uintptr(provider), 0, uintptr(unsafe.Pointer(wide("RSAFULLPRIVATEBLOB"))), 0,
		uintptr(unsafe.Pointer(&key)), uintptr(unsafe.Pointer(&data[0])), uintptr(len(data)), silent)
	t.Cleanup(func() { call("NCryptFreeObject", uintptr(key)) })
	return key
}

func TestStoreKeySigns(t *testing.T) {
	secret := oneKey()
	k := &storeKey{public: &secret.PublicKey, handle: cngKey(t, secret)}
	sum := sha256.Sum256([]byte("text"))
	for _, test := range []struct {
		name   string
		digest []byte
		opts   crypto.SignerOpts
	}{
		{"SHA-256", sum[:], crypto.SHA256},
		{"SHA-1", sum[:20], crypto.SHA1},
		{"a bare digest", sum[:], crypto.Hash(0)},
		{"PSS", sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}},
		{"PSS with any salt", sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto, Hash: crypto.SHA256}},
	} {
		t.Run(test.name, func(t *testing.T) {
			signature, err := k.Sign(rand.Reader, test.digest, test.opts)
			wine := windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
			if err != nil && test.opts.HashFunc() == 0 && wine {
				t.Skipf("Wine signs no bare digests: %v", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			if pss, ok := test.opts.(*rsa.PSSOptions); ok {
				err = rsa.VerifyPSS(k.public, pss.Hash, test.digest, signature, pss)
			} else {
				err = rsa.VerifyPKCS1v15(k.public, test.opts.HashFunc(), test.digest, signature)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	for name, opts := range map[string]crypto.SignerOpts{"an unknown hash": crypto.MD5, "a digest of another length": crypto.SHA512} {
		if _, err := k.Sign(rand.Reader, sum[:], opts); err == nil {
			t.Errorf("%s is signed", name)
		}
	}
	if got := fmt.Sprintf("%+v", k); got != "a private key of Windows" {
		t.Errorf("the key prints as %q", got)
	}
}
