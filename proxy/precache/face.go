package precache

import (
	"context"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

// Finder knows who has a content.
type Finder interface {
	// Find returns the places that have it, best first. id is as somebody wrote it: "PS100015", "Content_<guid>", "<guid>" or
	// "UID:<guid>", perhaps with ".<version>" behind it; version is zero when nothing else says it. way is "mp" or "cmg", or
	// empty for the first that works. No places and no error: the site knows nobody. The text of an error holds no secret.
	Find(ctx context.Context, id string, version int, way string) ([]Place, error)
}

// Place is one server that has a content.
type Place struct {
	// URL is the folder of the content there, without a query: "https://dp1.example/SMS_DP_SMSPKG$/PS100015". That of a cloud
	// distribution point only names it.
	URL string
	// List asks a cloud distribution point for its list of signed URLs. It is called again when they have ended or are refused.
	// Nil: it is no such. The text of an error holds no secret.
	List func(ctx context.Context) ([]CloudFile, error)
}

// CloudFile is one file in the list of a cloud distribution point.
type CloudFile struct {
	// Path of the file in its content, separated by "/".
	Path string
	// Size in bytes.
	Size int64
	// URL is the signed URL of its blob.
	URL Secret
}

// Secret is a text that nothing prints.
type Secret interface {
	Reveal() string
}

// Lister lists the files of a content at a distribution point.
type Lister interface {
	// List returns every file in the folder that a Target of content.ParseFolder names, those of its folders included. The
	// text of an error holds no secret.
	List(ctx context.Context, folder content.Target) ([]ListedFile, error)
}

// ListedFile is one file in the list of a distribution point.
type ListedFile struct {
	// Path in the content, separated by "/", decoded.
	Path string
	// Size in bytes.
	Size int64
}

// Origins supply files.
type Origins interface {
	// Hierarchy of the server that t names, for its ID.
	Hierarchy(t content.Target) string
	// Source supplies the file that t names.
	Source(t content.Target) cache.Source
}

// Store is the cache.
type Store interface {
	// Open finds an object, or asks src what it is.
	Open(ctx context.Context, key cache.Key, src cache.Source, use cache.Use) (*cache.Reader, error)
	// Generations are what there is of one object.
	Generations(name string) []cache.Object
	// Status tells how much may be stored, and whether anything can be.
	Status() cache.Status
}

var _ Store = (*cache.Cache)(nil)
