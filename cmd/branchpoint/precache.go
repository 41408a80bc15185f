package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"branchpoint/admin"
	"branchpoint/proxy/precache"
)

// precacheCmd has a running Branchpoint fetch a content before anyone asks.
type precacheCmd struct {
	tokenFlag
	Content string `arg:"" help:"The ID of the content: PS100015, Content_<guid>, or the <guid> of an update."`
	Version int    `help:"The version of the content. Default: what the ID says, the latest known of a package, or 1." placeholder:"N"`
	From    string `help:"Where to fetch it from: mp, cmg, or the URL of a distribution point. Default: the first that works." placeholder:"PLACE"`
	DryRun  bool   `help:"Only show which files there are, and which of them are there already."`
	JSON    bool   `name:"json" help:"Print the result as the admin API has it, for programs."`
	Detach  bool   `help:"Do not wait: print the ID of the job, which goes on by itself."`
}

// Validate is called by the parser of the command line.
func (c *precacheCmd) Validate() error {
	switch {
	case c.Version < 0:
		return errors.New("--version cannot be negative")
	case c.DryRun && c.Detach:
		return errors.New("--dry-run and --detach exclude each other: nobody would see what a dry run finds")
	}
	return c.apiFlag.Validate()
}

// Run begins a job and follows it. Ctrl-C cancels the job; one that was running before goes on. It fails when not every file
// is there in the end.
func (c *precacheCmd) Run(s *streams) error {
	address, err := c.address()
	if err != nil {
		return err
	}
	token, err := c.token()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	started, err := c.start(address, token)
	if err != nil {
		return err
	}
	if c.Detach {
		return c.tellStarted(s, started)
	}
	screen := newPrecacheScreen(s.err)
	watch := newPrecacheWatch(address, token, started, screen)
	watch.interrupted = stop // from then on a signal ends the process
	ended, err := watch.follow(ctx)
	screen.close()
	if err != nil {
		return err
	}
	if ended.Files, err = watch.files(); err != nil {
		return err
	}
	return c.tellEnded(s, ended)
}

// start begins the job, or joins one.
func (c *precacheCmd) start(address, token string) (started admin.PrecacheStarted, err error) {
	body, err := apiCall{
		method: http.MethodPost, address: address, path: precachePath, token: token,
		body: precache.Request{Content: c.Content, Version: c.Version, From: c.From, DryRun: c.DryRun},
	}.do()
	if err != nil {
		return started, rejected(err)
	}
	if err := json.Unmarshal(body, &started); err != nil || started.ID == "" {
		return started, fmt.Errorf("%s: the answer cannot be read, so %w", address, errStranger)
	}
	return started, nil
}

func (c *precacheCmd) tellStarted(s *streams, started admin.PrecacheStarted) error {
	if c.JSON {
		return json.NewEncoder(s.out).Encode(started)
	}
	_, err := fmt.Fprintln(s.out, started.ID)
	return err
}

// tellEnded prints what came of the job, and fails when that is not everything.
func (c *precacheCmd) tellEnded(s *streams, j precache.Job) (err error) {
	if c.JSON {
		err = json.NewEncoder(s.out).Encode(j)
	} else {
		_, err = io.WriteString(s.out, precacheText(j))
	}
	switch {
	case err != nil || j.State == precache.StateDone:
		return err
	case j.State == precache.StateCanceled:
		return fmt.Errorf("%s: the job was canceled; what it has brought stays in the cache", j.Content)
	}
	return fmt.Errorf("%s: %s", j.Content, j.Reason)
}
