package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"branchpoint/admin"
	"branchpoint/configs"
)

// reloadCmd has a running Branchpoint read its configuration again.
type reloadCmd struct {
	tokenFlag
}

// Run says what has changed, and what will only change with a restart. It fails with everything that is wrong with the
// configuration; the running program then goes on with the one that it has.
func (c *reloadCmd) Run(s *streams) error {
	address, err := c.address()
	if err != nil {
		return err
	}
	token, err := c.token()
	if err != nil {
		return err
	}
	answer, err := callAPI(http.MethodPost, address, "/api/v1/reload", token)
	if err != nil {
		return rejected(err)
	}
	var done admin.Reloaded
	if err := json.Unmarshal(answer, &done); err != nil {
		return fmt.Errorf("%s: the answer cannot be read, so %w", address, errStranger)
	}
	_, err = io.WriteString(s.out, reloadText(done))
	return err
}

// rejected turns an answer of the admin API into what a check of the same file would have said.
func rejected(err error) error {
	said, ok := errors.AsType[*apiError](err)
	if !ok || said.status != http.StatusUnprocessableEntity {
		return err
	}
	if len(said.problem.Problems) == 0 {
		return &configError{err}
	}
	var problems configs.Problems
	for _, p := range said.problem.Problems {
		problems = append(problems, configs.Problem{
			File: p.File, Position: configs.Position{Line: p.Line, Column: p.Column}, Path: p.Path, Message: p.Message,
		})
	}
	return &configError{problems}
}

func reloadText(done admin.Reloaded) string {
	text := "The configuration is as it was.\n"
	if len(done.Changed) > 0 {
		text = "Changed:\n  " + strings.Join(done.Changed, "\n  ") + "\n"
	}
	if len(done.NeedRestart) > 0 {
		text += "Not before a restart:\n  " + strings.Join(done.NeedRestart, "\n  ") + "\n"
	}
	return text
}
