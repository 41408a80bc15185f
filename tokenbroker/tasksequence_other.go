//go:build !windows

package tokenbroker

// taskSequenceVariable has nothing to read: the task-sequence environment exists on Windows only.
func taskSequenceVariable(string) (string, error) { return "", ErrUnavailable }
