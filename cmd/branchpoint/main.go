// Branchpoint is a caching proxy for Configuration Manager content: this command puts its parts together and runs them.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/alecthomas/kong"

	"branchpoint/configs"
)

// cli is the command line: a verb a file.
type cli struct {
	Serve    serveCmd    `cmd:"" help:"Serve clients until interrupted."`
	Status   statusCmd   `cmd:"" help:"Show how a running Branchpoint is doing."`
	Health   healthCmd   `cmd:"" help:"Ask a running Branchpoint whether it is well; the exit code is the answer."`
	Learn    learnCmd    `cmd:"" help:"Show which headers clients send to servers that take tokens: their names, no values."`
	Precache precacheCmd `cmd:"" help:"Have a running Branchpoint fetch a content before anyone asks."`
	Identity identityCmd `cmd:"" help:"Make this machine a client of its site, or show who it is there."`
	Reload   reloadCmd   `cmd:"" help:"Have a running Branchpoint read its configuration again; what it cannot change at once it names."`
	Config   configCmd   `cmd:"" help:"Check a configuration file, or show what is in force."`
	CA       caCmd       `cmd:"" name:"ca" help:"Make, show, trust or replace the certificate authority that Branchpoint sees into HTTPS with."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
}

const description = `A caching proxy for Configuration Manager content.

Exit codes: 0 all went well, 1 it failed, 2 the command line or the configuration is wrong.`

const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	// net/http writes unasked-for bytes of a server to the default logger, and they may hold anything. Ours is handed on.
	log.SetOutput(io.Discard)
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and returns its exit code.
func run(args []string, stdout, stderr io.Writer) int {
	ended, code := false, exitOK
	parser, err := kong.New(&cli{}, kong.Name("branchpoint"), kong.Description(description), kong.Writers(stdout, stderr),
		kong.Exit(func(c int) { ended, code = true, c }))
	if err != nil {
		fmt.Fprintln(stderr, "branchpoint:", err)
		return exitFailure
	}
	verb, err := parser.Parse(args)
	switch {
	case ended: // --help
		return code
	case err != nil:
		fmt.Fprintf(stderr, "branchpoint: %v\nSee branchpoint --help.\n", err)
		return exitUsage
	}
	err = verb.Run(&streams{stdout, stderr})
	if err == nil {
		return exitOK
	}
	if problems, ok := errors.AsType[configs.Problems](err); ok {
		fmt.Fprintln(stderr, problems) // one a line, each beginning with its place: editors know how to go there
	} else {
		fmt.Fprintln(stderr, "branchpoint:", err)
	}
	if _, ok := errors.AsType[*configError](err); ok {
		return exitUsage
	}
	return exitFailure
}

// streams are where a verb writes: its result to out, everything else to err.
type streams struct{ out, err io.Writer }
