package assembly

// descriptors returns how many files and connections the process may have open. Windows sets no limit that matters.
func descriptors() int { return plenty }
