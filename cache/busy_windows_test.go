package cache

import "golang.org/x/sys/windows"

// errNoDescriptors is what the system says when too many files are open.
const errNoDescriptors = windows.ERROR_TOO_MANY_OPEN_FILES
