package admin

import (
	"errors"
	"net/http"
)

// Reloaded is what came of a configuration that was read again. Settings are written as in the file.
type Reloaded struct {
	// Changed settings are in force.
	Changed []string `json:"changed"`
	// NeedRestart are settings that differ in the file and stay as they were until the program is started again.
	NeedRestart []string `json:"need_restart"`
}

// Rejected is the error of a configuration that was refused. What was in force stays so.
type Rejected struct {
	// Reason says why, for people. It holds no secret.
	Reason string
	// Problems are everything that is wrong with the file; none when something else is wrong.
	Problems []ConfigProblem
}

// ConfigProblem is one thing that is wrong with a configuration file.
type ConfigProblem struct {
	// File is its path. Line and Column count from one; zero means that the place is not known.
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	// Path is the setting; empty for the file as a whole.
	Path string `json:"path,omitempty"`
	// Message says what is wrong and what would be right.
	Message string `json:"message"`
}

// Error is the Reason.
func (r *Rejected) Error() string { return r.Reason }

// reload reads the configuration again. A second one waits for the first.
func (s *Server) reload(w http.ResponseWriter, _ *http.Request) error {
	done, err := s.config.Reload()
	if rejected, ok := errors.AsType[*Rejected](err); ok {
		writeProblem(w, Problem{
			Status: http.StatusUnprocessableEntity, Detail: rejected.Reason + "; what was in force stays so", Problems: rejected.Problems,
		})
		return nil
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, Reloaded{append([]string{}, done.Changed...), append([]string{}, done.NeedRestart...)})
}
