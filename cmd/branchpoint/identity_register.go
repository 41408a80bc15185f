package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"time"

	"branchpoint/cmd/internal/assembly"
	"branchpoint/cmd/internal/atsite"
	"branchpoint/configs"
	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/identity"
	"branchpoint/tokenbroker/site"
)

// identityRegisterCmd registers this machine at its site.
type identityRegisterCmd struct {
	configFlag
	Gateway bool `help:"By site.gateway, also where there is a management point."`
	Wait    bool `help:"Wait until the site has approved it, or refuses it. That may take days."`
}

// firstWait is how long the verb looks whether the site has worked on a registration, when it is not told to wait: the record of
// a client travels for some seconds.
const firstWait = 15 * time.Second

// Run sees who answers for the site, makes a key where there is none, registers, keeps what the site answers, and says how it
// stands.
func (c *identityRegisterCmd) Run(s *streams) error {
	config, err := c.loadSite()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ends, err := c.open(config, s)
	if err != nil {
		return err
	}
	defer ends.Close()
	if err := c.meet(ctx, ends, config.Site, s); err != nil {
		return identityAdvised(err)
	}
	before, err := identityOf(ends, config, s)
	if err != nil {
		return err
	}
	who, err := c.register(ctx, ends, before, s)
	if err != nil {
		return identityAdvised(err)
	}
	d := who.Describe()
	_, err = fmt.Fprint(s.out, identityTable(d), registrationAdvice(d))
	if err == nil {
		err = outcome(ctx, d)
	}
	if err == nil {
		_, err = fmt.Fprint(s.out, "A Branchpoint that is running uses it after branchpoint reload.\n")
	}
	return err
}

// outcome is nil when the registration is there, or is the site's or its administrator's to settle.
func outcome(ctx context.Context, d identity.Description) error {
	switch {
	case d.State == string(ccm.StateRejected), d.State == string(ccm.StateReset):
		return errors.New("this machine is not registered")
	case ctx.Err() != nil:
		return errors.New("it was interrupted; branchpoint identity show tells what the site said last")
	}
	return nil
}

// register tells the site of this machine, and waits until that has worked on it.
func (c *identityRegisterCmd) register(ctx context.Context, ends *atsite.Ends, who *identity.Identity, s *streams) (*identity.Identity, error) {
	client := ends.Ways[c.way(ends)].As(who.CCM())
	answer, err := client.Register(ctx)
	if err != nil {
		return nil, err
	}
	who, err = who.SaveSMSID(answer)
	if err != nil {
		return nil, err
	}
	return c.await(ctx, who, client.As(who.CCM()), s)
}

// meet asks the site who it is, before there is a key and anybody is told of it.
func (c *identityRegisterCmd) meet(ctx context.Context, ends *atsite.Ends, of configs.Site, s *streams) error {
	way, at := c.way(ends), of.ManagementPoint
	if ends.Ways[way] == nil {
		return &configError{errors.New("--gateway is there, and the configuration has no site.gateway")}
	}
	if way == atsite.Gateway {
		at = of.Gateway
	}
	met, err := ends.Meet(ctx, way, of.Code)
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	_, err = fmt.Fprint(s.out, metText(met, of.Code, at))
	return err
}

// metText tells who answers.
func metText(met site.Description, code, at string) string {
	text := "The site " + code + " answers at " + at
	if met.Version != "" {
		text += ", version " + met.Version
	}
	if met.Of != "" && !strings.EqualFold(met.Of, code) {
		text += fmt.Sprintf(", by a management point of the site %.8q", met.Of)
	}
	if len(met.ManagementPoints) > 0 {
		text += "; its management points: " + strings.Join(met.ManagementPoints, ", ")
	}
	return text + ".\n"
}

// identityOf is who this machine is. It makes a key where there is none.
func identityOf(ends *atsite.Ends, config *configs.Config, s *streams) (*identity.Identity, error) {
	if ends.Identity != nil {
		return ends.Identity, nil
	}
	at := atsite.IdentityConfig(config)
	made, err := identity.Create(at)
	switch {
	case errors.Is(err, identity.ErrExists): // another process has made it since
		return identity.Load(at)
	case err != nil:
		return nil, fmt.Errorf("making an identity in %s: %w", at.Directory, err)
	}
	_, err = fmt.Fprintf(s.out, "Made a key and a certificate in %s.\n", at.Directory)
	return made, err
}

func (c *identityRegisterCmd) open(config *configs.Config, s *streams) (*atsite.Ends, error) {
	roots, err := assembly.RootCAs(config.Upstream.CAFiles)
	if err != nil {
		return nil, err
	}
	return atsite.Open(config, atsite.Options{
		Roots: roots, Code: func(message string) { fmt.Fprintln(s.err, message) },
		Log: slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
}

// way is the way in: the management point, or its gateway when it is asked for or there is nothing else.
func (c *identityRegisterCmd) way(ends *atsite.Ends) string {
	if c.Gateway || ends.Ways[atsite.ManagementPoint] == nil {
		return atsite.Gateway
	}
	return atsite.ManagementPoint
}

// await asks how the registration stands: for a moment, or with --wait until it is settled. What the site says last is kept.
func (c *identityRegisterCmd) await(ctx context.Context, who *identity.Identity, client *ccm.Client, s *streams) (*identity.Identity, error) {
	poll := ccm.Poll{First: time.Second, Longest: 4 * time.Second}
	wait, cancel := context.WithTimeout(ctx, firstWait)
	if c.Wait {
		cancel()
		poll, wait, cancel = ccm.Poll{}, ctx, func() {}
	}
	defer cancel()
	if who.CCM().SMSID() == "" {
		return who, nil
	}
	last := ""
	answer, err := client.AwaitApproval(wait, poll, func(r ccm.Registration, err error) {
		state := string(r.State())
		if err != nil {
			state = err.Error()
		} else if r.State() == ccm.StatePendingApproval && !c.Wait {
			cancel() // an administrator takes longer than a moment
		}
		if c.Wait && state != last {
			fmt.Fprintf(s.err, "%s: %s\n", time.Now().Format(time.TimeOnly), state)
		}
		last = state
	})
	if answer.SMSID != "" || err == nil {
		if kept, saveErr := who.SaveState(answer); saveErr == nil {
			who = kept
		} else {
			return who, saveErr
		}
	}
	switch {
	case err == nil, !c.Wait && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
		return who, nil
	case errors.Is(err, ccm.ErrNotApproved) && !c.Wait:
		return who, nil // the state says so
	}
	return who, err
}
