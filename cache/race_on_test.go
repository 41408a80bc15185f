//go:build race

package cache

// raceEnabled says that moving bytes is ten times slower than it is.
const raceEnabled = true
