package tokenbroker

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// dispatch is a COM object that is called by name (IDispatch of oaidl.h). It is used on the thread that made it.
type dispatch struct{ table *dispatchTable }

// dispatchTable is IDispatch's table of functions, IUnknown's first.
type dispatchTable struct {
	_, _                  uintptr // QueryInterface, AddRef
	release               uintptr
	_, _                  uintptr // GetTypeInfoCount, GetTypeInfo
	getIDsOfNames, invoke uintptr
}

// variant is a VARIANT: 24 bytes in a 64-bit process and 16 in a 32-bit one.
type variant struct {
	kind  uint16
	_     [3]uint16
	value [2]uintptr
}

// params is a DISPPARAMS.
type params struct {
	args      *variant
	named     *int32
	count     uint32
	namedArgs uint32
}

const (
	kindString        = 8 // VT_BSTR
	contextInProc     = 1 // CLSCTX_INPROC_SERVER
	contextLocal      = 4 // CLSCTX_LOCAL_SERVER
	propertyGet       = 2 // DISPATCH_PROPERTYGET
	localeUser        = 0x400
	dispETypeMismatch = syscall.Errno(0x80020005)
)

// The functions that x/sys does not wrap. Constants of the process: a lazy procedure only remembers its address.
var (
	ole32            = windows.NewLazySystemDLL("ole32.dll")
	oleaut32         = windows.NewLazySystemDLL("oleaut32.dll")
	clsidFromProgID  = ole32.NewProc("CLSIDFromProgID")
	coCreateInstance = ole32.NewProc("CoCreateInstance")
	sysAllocString   = oleaut32.NewProc("SysAllocString")
	sysStringLen     = oleaut32.NewProc("SysStringLen")
	variantClear     = oleaut32.NewProc("VariantClear")

	iidDispatch = windows.GUID{Data1: 0x00020400, Data4: [8]byte{0xC0, 0, 0, 0, 0, 0, 0, 0x46}}
	iidNull     windows.GUID
)

// newObject makes an object of the class that is registered under progID.
func newObject(progID string) (*dispatch, error) {
	wide, err := windows.UTF16PtrFromString(progID)
	if err != nil {
		return nil, err
	}
	var class windows.GUID
	hr, _, _ := clsidFromProgID.Call(uintptr(unsafe.Pointer(wide)), uintptr(unsafe.Pointer(&class)))
	if err := check(hr); err != nil {
		return nil, err
	}
	var object *dispatch
	hr, _, _ = coCreateInstance.Call(uintptr(unsafe.Pointer(&class)), 0, contextInProc|contextLocal,
		uintptr(unsafe.Pointer(&iidDispatch)), uintptr(unsafe.Pointer(&object)))
	return object, check(hr)
}

func (d *dispatch) release() {
	syscall.SyscallN(d.table.release, uintptr(unsafe.Pointer(d)))
}

// get reads the property with one text argument, such as Value("name"), as text.
func (d *dispatch) get(property, argument string) (string, error) {
	id, err := d.id(property)
	if err != nil {
		return "", err
	}
	arg, err := newText(argument)
	if err != nil {
		return "", err
	}
	defer arg.clear()
	var result variant
	defer result.clear()
	call := params{args: arg, count: 1}
	hr, _, _ := syscall.SyscallN(d.table.invoke, uintptr(unsafe.Pointer(d)), uintptr(id), uintptr(unsafe.Pointer(&iidNull)),
		localeUser, propertyGet, uintptr(unsafe.Pointer(&call)), uintptr(unsafe.Pointer(&result)), 0, 0)
	runtime.KeepAlive(&call)
	if err := check(hr); err != nil {
		return "", err
	}
	return result.text()
}

// id asks the object for the number of a member.
func (d *dispatch) id(member string) (int32, error) {
	wide, err := windows.UTF16PtrFromString(member)
	if err != nil {
		return 0, err
	}
	var id int32
	hr, _, _ := syscall.SyscallN(d.table.getIDsOfNames, uintptr(unsafe.Pointer(d)), uintptr(unsafe.Pointer(&iidNull)),
		uintptr(unsafe.Pointer(&wide)), 1, localeUser, uintptr(unsafe.Pointer(&id)))
	return id, check(hr)
}

// newText returns a variant that owns a copy of s.
func newText(s string) (*variant, error) {
	wide, err := windows.UTF16PtrFromString(s)
	if err != nil {
		return nil, err
	}
	text, _, _ := sysAllocString.Call(uintptr(unsafe.Pointer(wide)))
	if text == 0 {
		return nil, syscall.Errno(windows.ERROR_OUTOFMEMORY)
	}
	return &variant{kind: kindString, value: [2]uintptr{text}}, nil
}

// text copies the text out of v. Anything but text counts as a wrong answer, except nothing at all (VT_EMPTY, VT_NULL).
func (v *variant) text() (string, error) {
	if v.kind <= 1 {
		return "", nil
	}
	if v.kind != kindString {
		return "", dispETypeMismatch
	}
	n, _, _ := sysStringLen.Call(v.value[0])
	first := *(**uint16)(unsafe.Pointer(&v.value[0]))
	if first == nil || n == 0 {
		return "", nil
	}
	return windows.UTF16ToString(unsafe.Slice(first, n)), nil
}

func (v *variant) clear() { variantClear.Call(uintptr(unsafe.Pointer(v))) }

// check turns a failed HRESULT into an error.
func check(hr uintptr) error {
	if int32(hr) >= 0 {
		return nil
	}
	return syscall.Errno(uint32(hr))
}
