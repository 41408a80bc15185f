package truststore

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Store is the list. It is opened anew for each question, and need not be closed.
type Store struct{ name *uint16 }

// Open finds the list of this machine. place is for tests: the name of another store of the machine; empty means ROOT.
func Open(place string) (*Store, error) {
	if place == "" {
		place = "ROOT"
	}
	name, err := windows.UTF16PtrFromString(place)
	if err != nil {
		return nil, fmt.Errorf("the name of the store: %w", err)
	}
	return &Store{name}, nil
}

// Installed tells whether the certificate is on the list. One that a group policy added does not count.
func (s *Store) Installed(cert *x509.Certificate) (found bool, err error) {
	err = s.with(windows.CERT_STORE_READONLY_FLAG, cert, func(store windows.Handle, ours *windows.CertContext) error {
		there, err := find(store, ours)
		found = there != nil
		return errors.Join(err, free(there))
	})
	if errors.Is(err, windows.ERROR_FILE_NOT_FOUND) { // nothing was ever added
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for the certificate: %w", err)
	}
	return found, nil
}

// Install adds a certificate to the list. It is no error that it is there already. The error is ErrPrivilege for a user who
// may not.
func (s *Store) Install(_ context.Context, cert *x509.Certificate) error {
	err := s.with(0, cert, func(store windows.Handle, ours *windows.CertContext) error {
		there, err := find(store, ours)
		if err != nil || there != nil {
			return errors.Join(err, free(there))
		}
		return windows.CertAddCertificateContextToStore(store, ours, windows.CERT_STORE_ADD_USE_EXISTING, nil)
	})
	if err != nil {
		return fmt.Errorf("adding the certificate: %w", explained(err))
	}
	return nil
}

// Remove takes a certificate off the list, and tells whether it was there. The error is ErrPrivilege for a user who may not.
func (s *Store) Remove(_ context.Context, cert *x509.Certificate) (removed bool, err error) {
	err = s.with(0, cert, func(store windows.Handle, ours *windows.CertContext) error {
		there, err := find(store, ours)
		if err != nil || there == nil {
			return err
		}
		removed = true
		return windows.CertDeleteCertificateFromStore(there) // it frees there
	})
	if err != nil {
		return false, fmt.Errorf("removing the certificate: %w", explained(err))
	}
	return removed, nil
}

const encoding = windows.X509_ASN_ENCODING | windows.PKCS_7_ASN_ENCODING

// with opens the store of the machine and hands it on together with the certificate in the system's form.
func (s *Store) with(flags uint32, cert *x509.Certificate, do func(windows.Handle, *windows.CertContext) error) error {
	ours, err := windows.CertCreateCertificateContext(encoding, &cert.Raw[0], uint32(len(cert.Raw)))
	if err != nil {
		return fmt.Errorf("handing the certificate to the system: %w", err)
	}
	defer free(ours)
	// The machine's own store, without what group policies add to it for the eyes of programs: that is not ours to remove.
	store, err := windows.CertOpenStore(windows.CERT_STORE_PROV_SYSTEM_REGISTRY_W, 0, 0, windows.CERT_SYSTEM_STORE_LOCAL_MACHINE|flags,
		uintptr(unsafe.Pointer(s.name)))
	if err != nil {
		return fmt.Errorf("opening the certificates of this machine: %w", err)
	}
	return errors.Join(do(store, ours), windows.CertCloseStore(store, 0))
}

// find returns the very certificate as it is in the store, or nil.
func find(store windows.Handle, ours *windows.CertContext) (*windows.CertContext, error) {
	there, err := windows.CertFindCertificateInStore(store, encoding, 0, windows.CERT_FIND_EXISTING, unsafe.Pointer(ours), nil)
	if errors.Is(err, syscall.Errno(windows.CRYPT_E_NOT_FOUND)) {
		return nil, nil
	}
	return there, err
}

func free(context *windows.CertContext) error {
	if context == nil {
		return nil
	}
	return windows.CertFreeCertificateContext(context) // it never fails
}

func explained(err error) error {
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, syscall.Errno(windows.E_ACCESSDENIED)) {
		return fmt.Errorf("%w: run this from an elevated prompt", ErrPrivilege)
	}
	return err
}
