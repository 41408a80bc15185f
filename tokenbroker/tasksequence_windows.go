package tokenbroker

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"

	"golang.org/x/sys/windows"
)

// tsEnvironment is the class of the object that gives a running task sequence its variables (Microsoft Learn, "How to
// use task sequence variables in a running task sequence"). It is registered only while one runs.
const tsEnvironment = "Microsoft.SMS.TSEnvironment"

// HRESULTs of winerror.h. Some mean that there is no task sequence, and some that COM runs on this thread already.
const (
	sOK               = syscall.Errno(0)
	sFalse            = syscall.Errno(0x00000001)
	rpcEChangedMode   = syscall.Errno(0x80010106)
	coEClassString    = syscall.Errno(0x800401F3)
	regdbEClassNotReg = syscall.Errno(0x80040154)
)

// taskSequenceVariable reads a variable of the task sequence that runs on this machine. The value of a variable that is
// not set is empty.
func taskSequenceVariable(name string) (string, error) {
	// COM belongs to the thread that initialised it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	leave, err := enterCOM()
	if err != nil {
		return "", err
	}
	defer leave()
	object, err := newObject(tsEnvironment)
	if code := hresult(err); code == coEClassString || code == regdbEClassNotReg {
		return "", ErrUnavailable
	}
	if err != nil {
		return "", comFailure("create the task-sequence environment", err)
	}
	defer object.release()
	value, err := object.get("Value", name)
	if err != nil {
		return "", comFailure("read the task-sequence variable", err)
	}
	return value, nil
}

// enterCOM makes COM usable on this thread. A thread that another library has put into the other mode will do.
func enterCOM() (leave func(), err error) {
	err = windows.CoInitializeEx(0, windows.COINIT_APARTMENTTHREADED|windows.COINIT_DISABLE_OLE1DDE)
	switch code := hresult(err); code {
	case sOK, sFalse:
		return windows.CoUninitialize, nil
	case rpcEChangedMode:
		return func() {}, nil
	default:
		return nil, comFailure("start COM", err)
	}
}

// hresult is the code in err, and sOK in none. A function that returns an HRESULT says nothing about the upper half of
// the register that it comes in.
func hresult(err error) syscall.Errno {
	var code syscall.Errno
	errors.As(err, &code)
	return syscall.Errno(uint32(code))
}

// comFailure says which step failed with which HRESULT; neither holds anything of a token.
func comFailure(step string, err error) error {
	return Failure(fmt.Sprintf("%s: HRESULT 0x%08X", step, uint32(hresult(err))))
}
