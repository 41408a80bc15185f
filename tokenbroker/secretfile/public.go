package secretfile

// WritePublic puts text that is no secret into a file, in place of what is there. On Unix everybody may read it who can
// enter its directory. On Windows only the system, administrators and this user may, as they may read a secret.
func WritePublic(path string, text []byte) error { return write(path, "", text, publicMode, replace) }

// ReadPublic reads a file that is no secret, whoever else can read or change it. The error Is fs.ErrNotExist when there is
// none.
func ReadPublic(path string) ([]byte, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f)
}
