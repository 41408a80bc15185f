package tokenbroker

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name   string
		config Config
		want   string
	}{
		{"negative age", Config{MaxAge: -1}, "maximum age -1ns is negative"},
		{"negative ahead", Config{RefreshBefore: -1}, "does not fit"},
		{"ahead of the whole age", Config{MaxAge: time.Minute, RefreshBefore: time.Minute}, "does not fit"},
		{"nil source", Config{Sources: []Source{nil}}, "source 1 is nil"},
		{"no name", Config{Sources: []Source{always("", "x", nil)}}, "source 1: name"},
		{"unprintable name", Config{Sources: []Source{always("a\nb", "x", nil)}}, "printable"},
		{"long name", Config{Sources: []Source{always(strings.Repeat("n", maxSourceName+1), "x", nil)}}, "1 to 64"},
		{"same name", Config{Sources: []Source{always("a", "x", nil), always("a", "y", nil)}}, `two sources are named "a"`},
		{"two setters", Config{Sources: []Source{newTaskSequence(t), &TaskSequenceSource{name: "other"}}}, "more than one source"},
		{"presentation", Config{Presentation: Presentation{HeaderFormat: "x"}}, "exactly once"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := New(tt.config)
			if err == nil || b != nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, %v; want an error with %q", b, err, tt.want)
			}
		})
	}
}

func TestNewRefusesARegistererThatHasTheMetrics(t *testing.T) {
	config := Config{Registerer: prometheus.NewRegistry()}
	first, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { first.Close(t.Context()) })
	if _, err := New(config); err == nil || !strings.Contains(err.Error(), "register metrics") {
		t.Errorf("the second New = %v, want an error about metrics", err)
	}
}

func TestZeroConfigWorks(t *testing.T) {
	w := newWorld(t, Config{MaxAge: time.Second}) // shorter than the default of RefreshBefore
	w.wants(t, "site", "")
}

func TestSourceConstructorsRefuse(t *testing.T) {
	file := func(c FileConfig) error { _, err := NewFileSource(c); return err }
	command := func(c CommandConfig) error { _, err := NewCommandSource(c); return err }
	environment := func(c EnvironmentConfig) error { _, err := NewEnvironmentSource(c); return err }
	sequence := func(c TaskSequenceConfig) error { _, err := NewTaskSequenceSource(c); return err }
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"file without path", file(FileConfig{}), "the path is empty"},
		{"command without program", command(CommandConfig{}), "no program"},
		{"command with an empty program", command(CommandConfig{Argv: []string{""}}), "no program"},
		{"command with a negative timeout", command(CommandConfig{Argv: []string{"x"}, Timeout: -1}), "timeout"},
		{"command with a long timeout", command(CommandConfig{Argv: []string{"x"}, Timeout: sourceTimeout}), "timeout"},
		{"environment with =", environment(EnvironmentConfig{Variable: "A=B"}), "without ="},
		{"environment without a variable", environment(EnvironmentConfig{}), "has a name"},
		{"task sequence with a bad variable", sequence(TaskSequenceConfig{Variable: "a b"}), "printable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) {
				t.Errorf("error = %v, want %q", tt.err, tt.want)
			}
		})
	}
}
