package assembly

import (
	"fmt"
	"log/slog"
	"time"

	"branchpoint/configs"
	"branchpoint/tokenbroker"
)

// tokenConfig puts the sources of tokens in their configured order.
func tokenConfig(all *configs.Config, at *station, log *slog.Logger) (tokenbroker.Config, error) {
	c := all.Token
	config := tokenbroker.Config{
		Presentation: tokenbroker.Presentation{HeaderName: c.HeaderName, HeaderFormat: c.HeaderFormat},
		MaxAge:       time.Duration(c.MaxAge), RefreshBefore: orInstant(c.RefreshBefore),
	}
	for i, s := range c.Sources {
		sources, err := tokenSources(s, suffix(c.Sources[:i], s.Type), log)
		if s.Type == configs.SourceManagementPoint || s.Type == configs.SourceGateway {
			sources, err = at.source(all.Site, s.Type), nil
		}
		if err != nil {
			return config, fmt.Errorf("token.sources[%d]: %w", i, err)
		}
		config.Sources = append(config.Sources, sources...)
	}
	return config, nil
}

// suffix tells sources of one type apart: the first has none, the second is "-2".
func suffix(before []configs.TokenSource, kind string) string {
	n := 1
	for _, s := range before {
		if s.Type == kind {
			n++
		}
	}
	if n == 1 {
		return ""
	}
	return fmt.Sprintf("-%d", n)
}

// tokenSources makes what one entry of the configuration stands for. A task sequence is there once, and is two sources: its
// variable, or what was handed in through the admin API, and the environment into which a step of it has copied the variable.
func tokenSources(s configs.TokenSource, suffix string, log *slog.Logger) ([]tokenbroker.Source, error) {
	switch s.Type {
	case configs.SourceRequest:
		return []tokenbroker.Source{tokenbroker.NewRequestSource()}, nil
	case configs.SourceTaskSequence:
		running, err := tokenbroker.NewTaskSequenceSource(tokenbroker.TaskSequenceConfig{Name: "task-sequence", Variable: s.Env})
		if err != nil {
			return nil, err
		}
		copied, err := tokenbroker.NewEnvironmentSource(tokenbroker.EnvironmentConfig{Name: "environment", Variable: s.Env})
		return []tokenbroker.Source{running, copied}, err
	case configs.SourceFile:
		file, err := tokenbroker.NewFileSource(tokenbroker.FileConfig{Name: "file" + suffix, Path: s.File, Logger: log})
		return []tokenbroker.Source{file}, err
	case configs.SourceCommand:
		command, err := tokenbroker.NewCommandSource(tokenbroker.CommandConfig{
			Name: "command" + suffix, Argv: s.Command, Timeout: time.Duration(s.Timeout),
		})
		return []tokenbroker.Source{command}, err
	}
	return nil, fmt.Errorf("the type %q is unknown", s.Type)
}
