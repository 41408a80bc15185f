package windowsauth

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/alexbrainman/sspi"
)

// process is the account that this process runs as. Windows keeps its password, and has Kerberos where the machine is in a
// domain.
//
// It speaks to SSPI itself: the packages beside sspi end the program when they are loaded on a Windows without NTLM.
type process struct{}

var _ account = process{}

func processAccount() (account, error) { return process{}, nil }

func (process) schemes() []string { return []string{schemeNegotiate, schemeNTLM} }

// begin starts a login with the security package of the scheme's name; they have the same names.
func (process) begin(scheme, service string) (handshake, []byte, error) {
	info, err := sspi.QueryPackageInfo(scheme)
	if err != nil {
		return nil, nil, fmt.Errorf("asking Windows for %s: %w", scheme, err)
	}
	credentials, err := sspi.AcquireCredentials("", scheme, sspi.SECPKG_CRED_OUTBOUND, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("asking Windows for the account of the process: %w", err)
	}
	l := &windowsLogin{credentials: credentials, size: info.MaxToken}
	l.context = sspi.NewClientContext(credentials, sspi.ISC_REQ_CONNECTION)
	if service != "" {
		if l.service, err = syscall.UTF16PtrFromString(service); err != nil {
			return nil, nil, errors.Join(err, credentials.Release())
		}
	}
	message, err := l.next(nil)
	if err != nil {
		l.close()
		return nil, nil, err
	}
	return l, message, nil
}

// windowsLogin is one login that Windows does.
type windowsLogin struct {
	credentials *sspi.Credentials
	context     *sspi.Context
	service     *uint16 // nil: it has no name
	size        uint32  // of the longest message
}

// next answers a message; nil is none, at the beginning.
func (l *windowsLogin) next(challenge []byte) ([]byte, error) {
	var in *sspi.SecBufferDesc
	if len(challenge) > 0 {
		in = buffer(challenge)
	}
	message := make([]byte, l.size)
	out := buffer(message)
	status := l.context.Update(l.service, out, in)
	if status == sspi.SEC_I_COMPLETE_NEEDED || status == sspi.SEC_I_COMPLETE_AND_CONTINUE {
		status = sspi.CompleteAuthToken(l.context.Handle, out)
	}
	switch n := out.Buffers.BufferSize; {
	case status != sspi.SEC_E_OK && status != sspi.SEC_I_CONTINUE_NEEDED:
		return nil, fmt.Errorf("asking Windows for a login: %w", status)
	case n == 0:
		return nil, errors.New("asking Windows for a login: it has nothing more to say, and the server refuses")
	default:
		return message[:n], nil
	}
}

func buffer(text []byte) *sspi.SecBufferDesc {
	var b [1]sspi.SecBuffer
	b[0].Set(sspi.SECBUFFER_TOKEN, text)
	return sspi.NewSecBufferDesc(b[:])
}

func (l *windowsLogin) close() {
	if l.context.Handle != nil {
		_ = l.context.Release() // nothing can be done about handles that stay
	}
	_ = l.credentials.Release()
}
