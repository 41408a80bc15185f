package configs

// kind is the form of a value in the file.
type kind uint8

const (
	null kind = iota
	scalar
	list
	mapping
)

// String names the kind as a message does.
func (k kind) String() string {
	return [...]string{"nothing", "a single value", "a list", "a group of settings"}[k]
}

// node is a value of the file with its place, free of the YAML library.
type node struct {
	kind kind
	at   Position
	// text is a scalar as it was written, without quotes.
	text string
	// items are the entries of a list.
	items []node
	// fields are the keys of a mapping, in the order of the file, with all repetitions.
	fields []field
}

// field is one key of a mapping. The place is that of the key.
type field struct {
	key   string
	at    Position
	value node
}
