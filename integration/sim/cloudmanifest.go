package sim

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// CloudFile is one file of a manifest.
type CloudFile struct {
	// Content and Version say what it is a file of.
	Content string
	Version int
	// Path in the content, Size in bytes.
	Path string
	Size int64
	// URL of the blob, signed for the client that asked. It is a secret.
	URL Secret
}

// ManifestWriter writes the manifest of a content. The real schema is not public, so it can be replaced.
type ManifestWriter func(w io.Writer, files []CloudFile) error

// ManifestReader reads what a ManifestWriter wrote.
type ManifestReader func(r io.Reader) ([]CloudFile, error)

// cloudXML is a made-up schema with no more than a client needs.
type cloudXML struct {
	XMLName xml.Name       `xml:"ContentManifest"`
	Files   []cloudFileXML `xml:"File"`
}

type cloudFileXML struct {
	Content string `xml:"ContentID,attr"`
	Version int    `xml:"Version,attr"`
	Path    string `xml:"Path,attr"`
	Size    int64  `xml:"Size,attr"`
	URL     string `xml:"Url,attr"`
}

// WriteCloudManifest writes a manifest in a simple schema of our own.
func WriteCloudManifest(w io.Writer, files []CloudFile) error {
	var m cloudXML
	for _, f := range files {
		m.Files = append(m.Files, cloudFileXML{f.Content, f.Version, f.Path, f.Size, f.URL.Reveal()})
	}
	text, err := xml.Marshal(m)
	if err != nil {
		return fmt.Errorf("make a manifest: %w", err)
	}
	if _, err := io.WriteString(w, xml.Header+string(text)); err != nil {
		return fmt.Errorf("write a manifest: %w", err)
	}
	return nil
}

// ReadCloudManifest reads what WriteCloudManifest wrote.
func ReadCloudManifest(r io.Reader) ([]CloudFile, error) {
	var m cloudXML
	if err := xml.NewDecoder(r).Decode(&m); err != nil {
		return nil, fmt.Errorf("read a manifest: %w", err)
	}
	var files []CloudFile
	for _, f := range m.Files {
		if f.Size < 0 || f.Version < 1 || f.Path == "" || !strings.HasPrefix(f.URL, "https://") {
			return nil, fmt.Errorf("read a manifest: the file %q has size %d, version %d, or no https URL", f.Path, f.Size, f.Version)
		}
		files = append(files, CloudFile{Content: f.Content, Version: f.Version, Path: f.Path, Size: f.Size, URL: NewSecret(f.URL)})
	}
	return files, nil
}
