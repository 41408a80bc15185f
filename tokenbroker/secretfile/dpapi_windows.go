package secretfile

import (
	"encoding/pem"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// sealedBlock is the PEM block of a file that DPAPI protects.
const sealedBlock = "DPAPI PROTECTED DATA"

// seal protects a text so that only this machine can read it. It is not bound to a user: the service and the administrator
// are two, so the access list of the file has to keep other users away.
func seal(text []byte, purpose string) ([]byte, error) {
	var sealed windows.DataBlob
	err := windows.CryptProtectData(blob(text), nil, blob([]byte(purpose)), 0, nil,
		windows.CRYPTPROTECT_LOCAL_MACHINE|windows.CRYPTPROTECT_UI_FORBIDDEN, &sealed)
	if err != nil {
		return nil, fmt.Errorf("DPAPI: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: sealedBlock, Bytes: taken(sealed)}), nil
}

// unseal reads what seal wrote on this machine for the same purpose.
func unseal(text []byte, purpose string) ([]byte, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != sealedBlock || len(block.Bytes) == 0 {
		return nil, errors.New("it is not protected by DPAPI")
	}
	var plain windows.DataBlob
	err := windows.CryptUnprotectData(blob(block.Bytes), nil, blob([]byte(purpose)), 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, &plain)
	if err != nil {
		return nil, fmt.Errorf("DPAPI does not open it, as when it was made on another machine: %w", err)
	}
	return taken(plain), nil
}

func blob(text []byte) *windows.DataBlob {
	return &windows.DataBlob{Size: uint32(len(text)), Data: unsafe.SliceData(text)}
}

// taken copies what Windows allocated, and gives that back, wiped.
func taken(b windows.DataBlob) []byte {
	there := unsafe.Slice(b.Data, b.Size)
	text := append([]byte(nil), there...)
	clear(there)
	_, _ = windows.LocalFree(windows.Handle(unsafe.Pointer(b.Data))) // nothing can be done about memory that stays
	return text
}
