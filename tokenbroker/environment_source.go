package tokenbroker

import (
	"context"
	"errors"
	"os"
	"strings"
)

// EnvironmentConfig is for NewEnvironmentSource.
type EnvironmentConfig struct {
	// Name of the source; New refuses a Config with a source that has none.
	Name string
	// Variable is the name of the environment variable.
	Variable string
}

// EnvironmentSource has what an environment variable of this process holds, for every audience. Task-sequence variables
// are no environment variables: the step that starts this program copies the token there.
type EnvironmentSource struct{ name, variable string }

var _ Source = (*EnvironmentSource)(nil)

// NewEnvironmentSource refuses a variable name that no environment can hold.
func NewEnvironmentSource(config EnvironmentConfig) (*EnvironmentSource, error) {
	if config.Variable == "" || strings.ContainsAny(config.Variable, "=\x00") {
		return nil, errors.New("environment token source: a variable has a name, without = and NUL")
	}
	return &EnvironmentSource{config.Name, config.Variable}, nil
}

// Name is Config.Name.
func (s *EnvironmentSource) Name() string { return s.name }

// Token returns the value of the variable, without spaces around it. It is unavailable when unset or empty.
func (s *EnvironmentSource) Token(context.Context, string) (Token, error) {
	return vouch(tokenFromText([]byte(os.Getenv(s.variable))))
}
