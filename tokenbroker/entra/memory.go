package entra

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"

	"branchpoint/tokenbroker/secretfile"
)

// cachePurpose is for secretfile.
const cachePurpose = "Branchpoint sign-in"

// nothing is the memory of nobody.
const nothing = "{}"

// memory keeps what a sign-in is good for: the refresh token and whose it is, in the form that Microsoft's libraries share.
// Access tokens are not kept. With a file it is the file that counts, since another process may have signed in; what cannot
// be written there is kept in memory, so that a full disk costs a sign-in after a restart, and not one now.
type memory struct {
	file string // empty: none
	log  *slog.Logger

	// mu guards what follows, and is held while the file is read or written: nobody waits for it but another fetch.
	mu      sync.Mutex
	text    func() []byte // a closure, where nothing prints it; nil: nothing
	unkept  bool          // the file does not hold text
	grumble string        // what was said about the file last
}

func newMemory(file string, log *slog.Logger) *memory { return &memory{file: file, log: log} }

func (m *memory) load() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.file != "" && !m.unkept {
		text, err := secretfile.Read(m.file, cachePurpose)
		switch {
		case err == nil && json.Valid(text):
			return text
		case errors.Is(err, fs.ErrNotExist):
			return []byte(nothing)
		case err == nil:
			err = fmt.Errorf("%s is not what this program writes", m.file)
		}
		m.say("the sign-in that was kept cannot be used", err)
	}
	if m.text == nil {
		return []byte(nothing)
	}
	return m.text()
}

// keep takes what the library has, without its access tokens.
func (m *memory) keep(text []byte) error {
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil {
		return err
	}
	delete(parts, "AccessToken")
	text, err := json.Marshal(parts)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.text = func() []byte { return text }
	if m.file == "" {
		return nil
	}
	err = secretfile.MakeDirectory(filepath.Dir(m.file))
	if err == nil {
		err = secretfile.Write(m.file, cachePurpose, text)
	}
	m.unkept = err != nil
	m.say("the sign-in cannot be kept beyond the end of the program", err)
	return nil
}

// forget drops a sign-in that is good for nothing any more.
func (m *memory) forget() error { return m.keep([]byte(nothing)) }

// say logs trouble with the file once.
func (m *memory) say(what string, err error) {
	if err == nil {
		m.grumble = ""
	} else if text := what + err.Error(); text != m.grumble {
		m.grumble = text
		m.log.Warn(what, "reason", err.Error())
	}
}
