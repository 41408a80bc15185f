package tokenbroker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// DPTokenVariable is the task-sequence variable that holds the token for DPs. Not documented; its name is known from
// scripts that hide task-sequence secrets, and from the documentation of third-party content clients.
const DPTokenVariable = "_SMSTSDPAuthToken"

// TaskSequenceConfig is for NewTaskSequenceSource.
type TaskSequenceConfig struct {
	// Name of the source. Empty is "task-sequence".
	Name string
	// Variable is the task-sequence variable. Empty is DPTokenVariable.
	Variable string
}

// TaskSequenceSource has the token of the task sequence that runs on this machine: the one that was handed in with
// Broker.Set, or else, on Windows, the variable of the task-sequence environment (the COM object
// Microsoft.SMS.TSEnvironment). A token that a task sequence leaves in a file, in the environment or with a command
// comes from the sources of that name.
type TaskSequenceSource struct {
	name, variable string

	mu     sync.Mutex
	handed *simplelru.LRU[string, Token]
}

var (
	_ Source    = (*TaskSequenceSource)(nil)
	_ Setter    = (*TaskSequenceSource)(nil)
	_ Forgetter = (*TaskSequenceSource)(nil)
)

// NewTaskSequenceSource refuses names that are not printable.
func NewTaskSequenceSource(config TaskSequenceConfig) (*TaskSequenceSource, error) {
	s := &TaskSequenceSource{
		name:     cmp.Or(config.Name, "task-sequence"),
		variable: cmp.Or(config.Variable, DPTokenVariable),
		handed:   newRecent[Token](),
	}
	if err := errors.Join(validateName(s.name), validateName(s.variable)); err != nil {
		return nil, fmt.Errorf("task-sequence token source: %w", err)
	}
	return s, nil
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
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.handed.Get(audience)
	return t, ok && !t.expired(time.Now())
}

// Put is part of Setter.
func (s *TaskSequenceSource) Put(audience string, t Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handed.Add(audience, t)
}

// Forget is part of Forgetter.
func (s *TaskSequenceSource) Forget(audience string, t Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if held, ok := s.handed.Get(audience); ok && held.print == t.print {
		s.handed.Remove(audience)
	}
}
