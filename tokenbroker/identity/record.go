package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/secretfile"
)

// recordFile holds what the site answered. It is no secret, but who could change it could make this machine another client.
const recordFile = "registration.json"

// staleAfter is how old the record may get while the site says the same again and again.
const staleAfter = 24 * time.Hour

// record is what the site answered to a registration, and which key and site it is about. It is comparable.
type record struct {
	// Site is the code of the site.
	Site string `json:"site"`
	// Key is the SHA-256 of the public key, in hexadecimal.
	Key string `json:"key"`
	// SMSID is the client id. Empty: the site gave none.
	SMSID string `json:"smsid"`
	// Status and Approval are ccm.Status and ccm.Approval.
	Status   int `json:"status"`
	Approval int `json:"approval"`
	// At is when the answer came, in UTC and whole seconds.
	At time.Time `json:"at"`
}

func (r record) belongs(site string, held material) bool { return r.Site == site && r.Key == held.id() }

func (r record) registration() ccm.Registration {
	return ccm.Registration{SMSID: r.SMSID, Status: ccm.Status(r.Status), Approval: ccm.Approval(r.Approval)}
}

// readRecord reads the record of a directory. The error Is fs.ErrNotExist when there is none.
func readRecord(dir string) (record, error) {
	path := filepath.Join(dir, recordFile)
	text, err := secretfile.Read(path, "")
	if err != nil {
		return record{}, fmt.Errorf("reading the registration: %w", err)
	}
	r, err := parseRecord(text)
	if err != nil {
		return record{}, fmt.Errorf("reading the registration: %s: %w; remove the file and register again", path, err)
	}
	return r, nil
}

// parseRecord reads the text of a record. Members that it does not know are left to who wrote them.
func parseRecord(text []byte) (r record, err error) {
	if err := json.Unmarshal(text, &r); err != nil {
		return record{}, errors.New("it is not what this program writes")
	}
	if len(r.Site) != 3 || len(r.Key) != 64 || r.At.IsZero() {
		return record{}, errors.New("it does not say which key and site it is about")
	}
	r.At = r.At.UTC().Truncate(time.Second)
	return r, nil
}

func (r record) write(dir string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = secretfile.MakeDirectory(dir)
	}
	if err == nil {
		err = secretfile.Write(filepath.Join(dir, recordFile), "", append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("identity: keeping the registration: %w", err)
	}
	return nil
}

// SaveSMSID keeps the answer of the site to a registration, and returns the identity with it. An answer without a client id
// leaves the one that the identity has. An answer about an id that another process has replaced by a newer one meanwhile
// changes nothing: the identity as it is now is returned. The error Is ErrReplaced when the directory has another key.
func (i *Identity) SaveSMSID(answer ccm.Registration) (*Identity, error) {
	smsid := i.record.SMSID
	if strings.TrimSpace(answer.SMSID) != "" {
		named, err := i.ccm.WithSMSID(answer.SMSID)
		if err != nil {
			return nil, err
		}
		smsid = named.SMSID()
	}
	return i.keep(answer, smsid, func(known, _ record) bool { return known.SMSID != i.record.SMSID && smsid == i.record.SMSID })
}

// SaveState keeps what the site answers to the question how the registration stands. It never changes the client id, since
// such an answer may come over plain HTTP, from anybody: one about another client is an error. While another process has
// registered anew, or the site says what it said less than a day ago, nothing is written. Otherwise it is as SaveSMSID.
func (i *Identity) SaveState(answer ccm.Registration) (*Identity, error) {
	if strings.TrimSpace(answer.SMSID) != "" {
		named, err := i.ccm.WithSMSID(answer.SMSID)
		if err != nil {
			return nil, err
		}
		if named.SMSID() != i.ccm.SMSID() {
			return nil, errors.New("identity: the answer of the site is about another client")
		}
	}
	return i.keep(answer, i.record.SMSID, func(known, next record) bool {
		age := next.At.Sub(known.At)
		next.At = known.At
		return known.SMSID != i.record.SMSID || known == next && age >= 0 && age < staleAfter
	})
}

// keep writes an answer into the record, unless what is known by now is to stay. No other process writes meanwhile.
func (i *Identity) keep(answer ccm.Registration, smsid string, stays func(known, next record) bool) (*Identity, error) {
	unlock, err := lockRecord(i.config.Directory)
	if err != nil {
		return nil, fmt.Errorf("identity: keeping the registration: %w", err)
	}
	defer unlock()
	now, err := Load(i.config)
	if err != nil {
		return nil, err
	}
	if now.held.id() != i.held.id() {
		return nil, fmt.Errorf("identity: %w in %s", ErrReplaced, i.config.Directory)
	}
	next := record{
		Site: i.config.SiteCode, Key: i.held.id(), SMSID: smsid,
		Status: int(answer.Status), Approval: int(answer.Approval), At: i.config.Now().UTC().Truncate(time.Second),
	}
	if stays(now.record, next) {
		return now, nil
	}
	if err := next.write(i.config.Directory); err != nil {
		return nil, err
	}
	return newIdentity(i.config, now.held)
}
