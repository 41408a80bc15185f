package tokenbroker

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// TaskSequenceConfig is for NewTaskSequenceSource.
type TaskSequenceConfig struct {
	// Name of the source; New refuses a Config with a source that has none.
	Name string
	// Variable is the task-sequence variable.
	Variable string
}

// TaskSequenceSource has the token of the task sequence that runs on this machine: the one that was handed in with
// Broker.Set, or else, on Windows, the variable of the task-sequence environment (the COM object
// Microsoft.SMS.TSEnvironment). A token that a task sequence leaves in a file, in the environment or with a command
// comes from the sources of that name.
type TaskSequenceSource struct {
	name, variable string
	memory         *handedMemory
}

// handedMemory is what was handed in. It outlives its source when another one takes over.
type handedMemory struct {
	mu     sync.Mutex
	tokens *simplelru.LRU[string, Token]
}

var (
	_ Source    = (*TaskSequenceSource)(nil)
	_ Setter    = (*TaskSequenceSource)(nil)
	_ Forgetter = (*TaskSequenceSource)(nil)
)

// NewTaskSequenceSource refuses a variable name that is not printable.
func NewTaskSequenceSource(config TaskSequenceConfig) (*TaskSequenceSource, error) {
	if err := validateName(config.Variable); err != nil {
		return nil, fmt.Errorf("task-sequence token source: variable: %w", err)
	}
	memory := &handedMemory{tokens: newRecent[Token]()}
	return &TaskSequenceSource{name: config.Name, variable: config.Variable, memory: memory}, nil
}

// Name is Config.Name.
func (s *TaskSequenceSource) Name() string { return s.name }

// Token returns the token that was handed in for the audience, or that of the running task sequence. It is unavailable
// when there is neither.
func (s *TaskSequenceSource) Token(_ context.Context, audience string) (Token, error) {
	if t, ok := s.handedIn(audience); ok {
		return t, nil
	}
	text, err := taskSequenceVariable(s.variable)
	if err != nil {
		return Token{}, err
	}
	return vouch(tokenFromText([]byte(text)))
}

// handedIn returns the token that was put for the audience, if it has not ended.
func (s *TaskSequenceSource) handedIn(audience string) (Token, bool) {
	m := s.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tokens.Get(audience)
	return t, ok && !t.expired(time.Now())
}

// Put is part of Setter.
func (s *TaskSequenceSource) Put(audience string, t Token) {
	m := s.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tokens.Add(audience, t)
}

// Forget is part of Forgetter.
func (s *TaskSequenceSource) Forget(audience string, t Token) {
	m := s.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if held, ok := m.tokens.Get(audience); ok && held.print == t.print {
		m.tokens.Remove(audience)
	}
}

// Drop implements Dropper.
func (s *TaskSequenceSource) Drop(audience string) {
	m := s.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tokens.Remove(audience)
}
