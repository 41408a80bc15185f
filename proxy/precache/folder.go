package precache

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/robustio"

	"branchpoint/tokenbroker/secretfile"
)

// folder holds the files of the jobs, one each. os.Root keeps every name inside it.
type folder struct {
	path string
	root *os.Root
}

const (
	recordSuffix = ".json"
	partSuffix   = ".part"
	// markFile is there for a moment. What others may do to it tells what they may do in the folder.
	markFile = ".ours"
)

// openFolder refuses a folder that others could put jobs into: what is in a record is fetched, with our tokens.
func openFolder(path string) (folder, error) {
	if err := secretfile.MakeDirectory(path); err != nil {
		return folder{}, err
	}
	if err := checkOwner(path); err != nil {
		return folder{}, err
	}
	mark := filepath.Join(path, markFile)
	err := secretfile.Write(mark, "", nil)
	if err == nil {
		_, err = secretfile.Read(mark, "")
		err = errors.Join(err, secretfile.Remove(mark))
	}
	if err != nil {
		return folder{}, fmt.Errorf("looking who may use %s: %w", path, err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return folder{}, err
	}
	return folder{path, root}, nil
}

// Close gives the folder back.
func (d folder) Close() error { return d.root.Close() }

// write puts a record into place: <id>.part, write, sync, close, rename over <id>.json, sync of the folder.
func (d folder) write(r record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	part := r.ID + partSuffix
	err = d.writePart(part, append(data, '\n'))
	if err == nil { // by full path, because on Windows a virus scanner may hold the file for a moment
		err = robustio.Rename(filepath.Join(d.path, part), filepath.Join(d.path, r.ID+recordSuffix))
	}
	if err != nil {
		_ = d.root.Remove(part) // the next start removes it otherwise
		return fmt.Errorf("writing the file of the job %s: %w", r.ID, err)
	}
	return d.sync()
}

func (d folder) writePart(name string, data []byte) error {
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// sync makes a rename survive a power cut. NTFS journals its folders, and a folder cannot be flushed there.
func (d folder) sync() error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := d.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// remove forgets a job. What cannot be removed is a job that has ended, and no worse than that.
func (d folder) remove(id string) { _ = d.root.Remove(id + recordSuffix) }

// ids returns whose files there are, in no order that matters, and removes what a crash left half-written.
func (d folder) ids() ([]string, error) {
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), partSuffix); ok && isID(id) {
			_ = d.root.Remove(e.Name())
		}
		if id, ok := strings.CutSuffix(e.Name(), recordSuffix); ok && isID(id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// read returns the record of a job.
func (d folder) read(id string) (record, asked, error) {
	f, err := d.root.Open(id + recordSuffix)
	if err != nil {
		return record{}, asked{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxRecord+1))
	if err == nil && len(data) > maxRecord {
		err = errors.New("it is too large for a record")
	}
	if err != nil {
		return record{}, asked{}, err
	}
	return readRecord(data, id)
}
