package tokenbroker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// EnvironmentConfig is for NewEnvironmentSource.
type EnvironmentConfig struct {
	// Name of the source. Empty is "environment".
	Name string
	// Variable is the name of the environment variable. Empty is DPTokenVariable.
	Variable string
}

// EnvironmentSource has what an environment variable of this process holds, for every audience. Task-sequence variables
// are no environment variables: the step that starts this program copies the token there.
type EnvironmentSource struct{ name, variable string }

var _ Source = (*EnvironmentSource)(nil)

// NewEnvironmentSource refuses a name that is not printable, and a variable name that no environment can hold.
func NewEnvironmentSource(config EnvironmentConfig) (*EnvironmentSource, error) {
	s := &EnvironmentSource{cmp.Or(config.Name, "environment"), cmp.Or(config.Variable, DPTokenVariable)}
	if err := validateName(s.name); err != nil {
		return nil, fmt.Errorf("environment token source: %w", err)
	}
	if strings.ContainsAny(s.variable, "=\x00") {
		return nil, errors.New("environment token source: a variable name has no = and no NUL")
	}
	return s, nil
}

// Name is Config.Name.
func (s *EnvironmentSource) Name() string { return s.name }

// Token returns the value of the variable, without spaces around it. It is unavailable when unset or empty.
func (s *EnvironmentSource) Token(context.Context, string) (Token, error) {
	return vouch(tokenFromText([]byte(os.Getenv(s.variable))))
}
