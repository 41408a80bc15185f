package ccm

import (
	"fmt"
	"strconv"
	"strings"
)

// Kind is the kind of a content. The locations of each kind are asked for in another way.
type Kind uint8

// The kinds of content.
const (
	// ClientPackage is the installation package of the client. It has no id, so that its locations can be asked for by who
	// knows nothing else: it is the zero Kind.
	ClientPackage Kind = iota
	// Package is a package, a boot image, an operating system image or a driver package: "PS100015".
	Package
	// Application is the content of an application: "Content_<guid>".
	Application
	// Update is a software update: "UID:<guid>".
	Update
)

// Content is what locations are asked for. The zero Content is the client package.
type Content struct {
	// Kind is what it is.
	Kind Kind
	// ID is its id as messages have it: "PS100015", "Content_<guid>", "UID:<guid>". Empty for ClientPackage only.
	ID string
	// Version is the version of the content. Those of packages and applications begin with 1; updates are always 1.
	Version int
}

// ParseContent reads the id of a content as URLs of distribution points have it ("PS100015", "PS100015.3",
// "Content_<guid>.1", "<guid>") or as messages have it ("UID:<guid>"). version, if it is not 0, counts more than the one
// in the id; where neither says one it is 1.
func ParseContent(id string, version int) (Content, error) {
	name, inURL, hasVersion := strings.Cut(id, ".")
	if hasVersion {
		n, err := strconv.Atoi(inURL)
		if err != nil || n < 1 {
			return Content{}, fmt.Errorf("content id %q: what follows the dot is no version", id)
		}
		if version == 0 {
			version = n
		}
	}
	if version == 0 {
		version = 1
	}
	c := Content{ID: name, Version: version}
	prefix, guid, _ := strings.Cut(name, "_")
	bare := strings.TrimPrefix(strings.ToUpper(name), "UID:")
	switch {
	case strings.EqualFold(prefix, "Content") && isGUID(guid):
		c.Kind = Application
		c.ID = "Content_" + guid
	case isGUID(bare):
		c.Kind, c.Version = Update, 1
		c.ID = "UID:" + name[len(name)-len(bare):]
	case len(name) == 8 && isAlphanumeric(name):
		c.Kind = Package
		c.ID = strings.ToUpper(name)
	default:
		return Content{}, fmt.Errorf("content id %q: it is that of no package, application or update", id)
	}
	if c.Version < 1 {
		return Content{}, fmt.Errorf("content id %q: version %d is below 1", id, c.Version)
	}
	return c, nil
}

// locationType is how a content location request names the kind.
func (c Content) locationType() string {
	if c.Kind == Update {
		return "SMSUpdate"
	}
	return "SMSPackage"
}
