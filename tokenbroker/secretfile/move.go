package secretfile

import "path/filepath"

// Move gives a file another name in its directory, in place of what has that name. It is still sealed for its purpose.
func Move(from, to string) error {
	if err := replace(from, to); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(to))
}

// Remove removes a file, and it stays away when the machine stops. One that is not there is no error.
func Remove(path string) error {
	if err := removeIfThere(path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}
