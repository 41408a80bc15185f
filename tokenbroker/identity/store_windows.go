package identity

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/keypair"
)

// fromStore takes the certificate that a query means from the machine's store, and the authorities around it from there too.
func fromStore(q Query, now time.Time) (material, error) {
	contexts, err := certificates("MY")
	defer free(contexts)
	if err != nil {
		return material{}, err
	}
	list, contexts := readable(contexts)
	usable, err := q.choose(list, now)
	if err != nil {
		return material{}, err
	}
	at, key, err := firstKey(usable, contexts, list)
	if err != nil {
		return material{}, err
	}
	above, err := certificates("CA")
	defer free(above)
	if err != nil {
		return material{}, err
	}
	authorities, _ := readable(above)
	return material{key, keypair.Chain(list[at], authorities), ccm.Issued, "Windows store"}, nil
}

// firstKey opens the key of the first certificate that has one for us. A store may hold certificates without their keys.
func firstKey(usable []int, contexts []*windows.CertContext, list []*x509.Certificate) (int, *storeKey, error) {
	var all error
	for _, at := range usable {
		key, err := openStoreKey(contexts[at], list[at])
		if err == nil {
			return at, key, nil
		}
		all = errors.Join(all, err)
	}
	return 0, nil, all
}

// certificates lists a store of the machine. Each context is to be freed, also those that come with an error.
func certificates(store string) (list []*windows.CertContext, err error) {
	name, err := windows.UTF16PtrFromString(store)
	if err != nil {
		return nil, err
	}
	handle, err := windows.CertOpenStore(windows.CERT_STORE_PROV_SYSTEM_W, 0, 0,
		windows.CERT_SYSTEM_STORE_LOCAL_MACHINE|windows.CERT_STORE_OPEN_EXISTING_FLAG|windows.CERT_STORE_READONLY_FLAG,
		uintptr(unsafe.Pointer(name)))
	if err != nil {
		return nil, fmt.Errorf("opening the certificate store %s of the machine: %w", store, err)
	}
	defer func() { err = errors.Join(err, windows.CertCloseStore(handle, 0)) }()
	for at := (*windows.CertContext)(nil); ; {
		// Each call frees the context before it, so a duplicate is kept.
		if at, err = windows.CertEnumCertificatesInStore(handle, at); err != nil {
			if errors.Is(err, windows.Errno(windows.CRYPT_E_NOT_FOUND)) {
				return list, nil
			}
			return list, fmt.Errorf("listing the certificate store %s of the machine: %w", store, err)
		}
		list = append(list, windows.CertDuplicateCertificateContext(at))
	}
}

// readable are the certificates that can be read, and their contexts at the same places.
func readable(contexts []*windows.CertContext) (list []*x509.Certificate, of []*windows.CertContext) {
	for _, c := range contexts {
		der := bytes.Clone(unsafe.Slice(c.EncodedCert, c.Length))
		if cert, err := x509.ParseCertificate(der); err == nil {
			list, of = append(list, cert), append(of, c)
		}
	}
	return list, of
}

func free(contexts []*windows.CertContext) {
	for _, c := range contexts {
		_ = windows.CertFreeCertificateContext(c) // it always succeeds (wincrypt.h)
	}
}
