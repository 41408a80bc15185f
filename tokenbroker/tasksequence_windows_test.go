package tokenbroker

import (
	"errors"
	"runtime"
	"testing"
)

// No task sequence runs on a machine that tests: its class is not registered, and the next source may be asked.
func TestNoTaskSequenceRuns(t *testing.T) {
	for range 3 { // COM is left as it was found
		value, err := taskSequenceVariable("_SMSTSDPAuthToken")
		if !errors.Is(err, ErrUnavailable) || value != "" {
			t.Fatalf("error %v and a value of %d bytes, want ErrUnavailable and none", err, len(value))
		}
	}
}

// TestPropertyWithAnArgument calls a dictionary, which every Windows has, as the task-sequence environment is called. A
// key that it does not hold has the value VT_EMPTY.
func TestPropertyWithAnArgument(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	leave, err := enterCOM()
	if err != nil {
		t.Fatal(err)
	}
	defer leave()
	object, err := newObject("Scripting.Dictionary")
	if err != nil {
		t.Fatal(err)
	}
	defer object.release()
	if value, err := object.get("Item", "absent"); err != nil || value != "" {
		t.Errorf("Item = %q, %v, want nothing", value, err)
	}
	if _, err := object.get("NoSuchMember", "x"); err == nil {
		t.Error("a member that is not there was read")
	}
}
