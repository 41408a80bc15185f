package precache

// checkOwner leaves all to the access list, which says who may add files, and which reading the mark looks at.
func checkOwner(string) error { return nil }
