package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// A build is what is known of how the program was made.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`   // "" if it is not known
	Time     string `json:"time"`     // of the commit
	Modified bool   `json:"modified"` // it holds changes that are in no commit
	Go       string `json:"go"`
	System   string `json:"system"`
}

func newVersion(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "The version of this program, and what it was built from",
		Long: `Version prints the version, the commit that the program was built from and when that was made, and with which Go for
which system. A bug report wants all of it.

-o json: version commit time modified (it holds changes that are in no commit) go system; commit and time are empty
where the build did not note them, as with "go run" or -buildvcs=false.`,
		Example: "  outmode version\n  outmode version -o json",
		Args:    atMost(0, "--help tells what it prints"),
		RunE: func(*cobra.Command, []string) error {
			if err := g.format("table", "json"); err != nil {
				return err
			}
			b := thisBuild()
			if g.output == "json" {
				return writeJSON(g.out, b)
			}
			return b.write(g.out)
		},
	}
}

// version is that of the module or, of a build from a checkout, the commit.
func version() string { return thisBuild().Version }

func thisBuild() build {
	info, _ := debug.ReadBuildInfo()
	return buildOf(info)
}

// buildOf reads what the Go command noted. info is nil where it noted nothing.
func buildOf(info *debug.BuildInfo) build {
	b := build{Version: "(devel)", Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	if info == nil {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	b.Version = cmp.Or(info.Main.Version, b.Version)
	if short := b.Commit[:min(12, len(b.Commit))]; b.Version == "(devel)" && short != "" {
		b.Version = "devel-" + short
	}
	if b.Modified && !strings.HasSuffix(b.Version, "+dirty") {
		b.Version += "+dirty" // as Go itself marks it
	}
	return b
}

func (b *build) write(w io.Writer) error {
	from := "not known: it was built with \"go run\", -buildvcs=false or outside of a checkout"
	if b.Commit != "" {
		from = b.Commit
		if t, err := time.Parse(time.RFC3339, b.Time); err == nil {
			from += " of " + minute(t.UnixMilli()) + " UTC"
		}
		if b.Modified {
			from += ", with changes that are in no commit"
		}
	}
	_, err := fmt.Fprintf(w, "outmode %s\n  commit  %s\n  built   with %s for %s\n", b.Version, from, b.Go, b.System)
	return err
}
