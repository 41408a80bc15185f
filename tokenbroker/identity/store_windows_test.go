package identity_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"software.sslmate.com/src/go-pkcs12"

	"branchpoint/tokenbroker/identity"
)

// imported puts a certificate with its key into the machine's store until the test ends.
func imported(t *testing.T, leaf *x509.Certificate, key *rsa.PrivateKey) {
	t.Helper()
	data, err := pkcs12.LegacyDES.Encode(key, leaf, nil, "x")
	if err != nil {
		t.Fatal(err)
	}
	password, err := windows.UTF16PtrFromString("x")
	if err != nil {
		t.Fatal(err)
	}
	from, err := windows.PFXImportCertStore(&windows.CryptDataBlob{Size: uint32(len(data)), Data: &data[0]}, password, windows.CRYPT_MACHINE_KEYSET)
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CertCloseStore(from, 0)
	context, err := windows.CertEnumCertificatesInStore(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	store := personal(t)
	err = windows.CertAddCertificateContextToStore(store, context, windows.CERT_STORE_ADD_ALWAYS, nil)
	if err = errors.Join(err, windows.CertCloseStore(store, 0)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remove(t, leaf) })
}

// personal opens the store of the machine that holds its certificates.
func personal(t *testing.T) windows.Handle {
	t.Helper()
	name, err := windows.UTF16PtrFromString("MY")
	if err != nil {
		t.Fatal(err)
	}
	store, err := windows.CertOpenStore(windows.CERT_STORE_PROV_SYSTEM_W, 0, 0, windows.CERT_SYSTEM_STORE_LOCAL_MACHINE, uintptr(unsafe.Pointer(name)))
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// remove takes the certificate out of the store again.
func remove(t *testing.T, leaf *x509.Certificate) {
	t.Helper()
	store := personal(t)
	defer windows.CertCloseStore(store, 0)
	for at, err := windows.CertEnumCertificatesInStore(store, nil); err == nil; at, err = windows.CertEnumCertificatesInStore(store, at) {
		if bytes.Equal(unsafe.Slice(at.EncodedCert, at.Length), leaf.Raw) {
			if err := windows.CertDeleteCertificateFromStore(at); err != nil { // which frees it
				t.Error(err)
			}
			return
		}
	}
	t.Error("the certificate has left the store by itself")
}

func TestStore(t *testing.T) {
	now := time.Now()
	name := "branchpoint-test-" + rand.Text() // Wine forgets to remove certificates
	leaf, _ := issued(t, client{
		subject: name, issuer: "Branchpoint test CA", usage: clientAuth(),
		from: now.Add(-time.Hour), until: now.Add(time.Hour),
	})
	config := own(t)
	config.Now = time.Now
	config.Store = identity.Query{Subject: name}
	if _, err := identity.Load(config); err == nil || !strings.Contains(err.Error(), "no such certificate") {
		t.Fatalf("Load before the certificate is there = %v", err)
	}
	imported(t, leaf, keys()[1])
	i, err := identity.Load(config)
	if err != nil {
		if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil {
			t.Skipf("Wine opens no keys of its store through CNG: %v", err)
		}
		t.Fatal(err)
	}
	if d := i.Describe(); d.From != "Windows store" || d.Subject != "CN="+name {
		t.Errorf("described as %+v", d)
	}
	if _, ok := i.TLS().PrivateKey.(crypto.Decrypter); ok {
		t.Error("a key of Windows is taken for one that decrypts")
	}
	sum := sha256.Sum256([]byte("text"))
	signature, err := i.TLS().PrivateKey.(crypto.Signer).Sign(rand.Reader, sum[:], crypto.SHA256)
	if err == nil {
		err = rsa.VerifyPKCS1v15(&keys()[1].PublicKey, crypto.SHA256, sum[:], signature)
	}
	if err != nil {
		t.Errorf("the signature: %v", err)
	}
}
