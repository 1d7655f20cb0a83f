package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/internal/store/sqlite"
	"github.com/outmode/outmode/rules"
)

// serveFlags are what serve can be told on the command line; all else is in its configuration.
type serveFlags struct {
	*globals
	data   string
	listen string
	mapped []string // files of mappings
	log    io.Writer
}

func newServe(g *globals) *cobra.Command {
	f := &serveFlags{globals: g, log: g.err}
	c := &cobra.Command{
		Use:   "serve [PATH...]",
		Short: "Watch logs: read what is there, then what comes, into the store",
		Long: `Serve reads the logs below PATH into the store of --data, follows them, judges every sign-in and keeps findings.
It needs no configuration; one is read from -c, or from its usual place if it is there, and explained by
"outmode config init". What stands on the command line goes before it.

It may be stopped at any moment, however: what was committed is committed, and the next start goes on behind it.
SIGHUP reads the configuration and the rules again; if they have a mistake, or another data, the old ones stay.
Other listen, tls, listen_auth and log need a restart.

It reads logs and listens on loopback (/metrics, /healthz, /readyz). It changes nothing else.`,
		Example: `  outmode serve --data /var/lib/outmode /logs
  outmode serve -c /etc/outmode/config.yaml
  outmode sources --data /var/lib/outmode`,
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("listen") && f.listen == "" {
				f.listen = nowhere
			}
			return f.run(c.Context(), args)
		},
	}
	c.Flags().StringVar(&f.data, "data", "", "directory of the store")
	mappingFlag(c, &f.mapped)
	c.Flags().StringVar(&f.listen, "listen", "", `address of /metrics, /healthz and /readyz (default 127.0.0.1:9464; "" for none)`)
	return c
}

// nowhere stands for an empty --listen.
const nowhere = "-"

// A world is what one configuration makes: everything that a reload replaces.
type world struct {
	config config
	set    *rules.Set
	opt    ingest.Options
	follow ingest.FollowOptions
	join   joining // of logons with what gateways log
}

func (f *serveFlags) run(ctx context.Context, args []string) error {
	if err := f.format("table"); err != nil {
		return err
	}
	w, err := f.world(args)
	if err != nil {
		return err
	}
	if err := f.storeOn(w.config.Data); err != nil {
		return err
	}
	collectForStore()
	log, done, err := f.host.logger(f.log, &w.config)
	if err != nil {
		return err
	}
	defer func() { _ = done() }()
	d := &daemon{flags: f, args: args, log: log, metrics: newMetrics()}
	d.state.Store(&ingest.Progress{})
	return d.run(ctx, w)
}

// world is readWorld for a person at a terminal, who gets each mistake on a line of its own.
func (f *serveFlags) world(args []string) (*world, error) {
	w, err := f.readWorld(args)
	var m *mistakes
	if errors.As(err, &m) {
		for _, line := range m.all {
			fmt.Fprintln(f.err, plain(line))
		}
	}
	return w, err
}

// mistakes are all that is wrong with a configuration or with rules.
type mistakes struct {
	all []string // each with its file, line and column
	sum string   // that and what to do
}

func (m *mistakes) Error() string { return m.sum }

// inALine are the first of them, for a log.
func (m *mistakes) inALine() string {
	const most, longest = 10, 300
	var b strings.Builder
	for i, line := range m.all {
		if i == most {
			fmt.Fprintf(&b, "; and %d more: \"outmode config check\" lists all", len(m.all)-most)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		if len(line) > longest {
			line = strings.ToValidUTF8(line[:longest], "") + "..."
		}
		b.WriteString(line)
	}
	return b.String()
}

// readWorld reads the configuration and the rules, and checks all of it before anything is done.
func (f *serveFlags) readWorld(args []string) (*world, error) {
	w := &world{config: defaultConfig()}
	file := f.config
	if file == "" && exists(defaultConfigFile()) {
		file = defaultConfigFile()
	}
	if file != "" {
		c, problems := readConfig(file)
		if len(problems) > 0 {
			m := &mistakes{sum: "the configuration cannot be used; \"outmode config check\" checks it alone"}
			for _, p := range problems {
				m.all = append(m.all, p.String())
			}
			return nil, &exit{exitError, m}
		}
		w.config = c
	}
	if file == "" && f.data == "" {
		return nil, usagef("serve needs --data DIR and the PATHs of logs, or a configuration: \"outmode config init\" writes one")
	}
	w.config.override(f.data, args)
	switch f.listen {
	case "":
	case nowhere:
		w.config.Listen = ""
	default:
		w.config.Listen = f.listen
	}
	if len(w.config.Sources) == 0 {
		return nil, usagef("serve has no logs to read: name their PATHs, or sources in the configuration")
	}
	rf := w.config.ruleFlags()
	set, wrong := rf.compile()
	if len(wrong) > 0 {
		m := &mistakes{sum: rulesUnusable}
		for _, p := range wrong {
			m.all = append(m.all, p.String())
		}
		return nil, &exit{exitError, m}
	}
	w.set = set
	org := w.config.organisation()
	var err error
	if w.opt.Org, err = org.build(); err != nil {
		return nil, err
	}
	if w.join, err = w.config.joining(w.opt.Org.Internal); err != nil {
		return nil, err
	}
	if len(f.mapped) > 0 {
		if w.config.Mappings, err = readMappings(f.mapped); err != nil {
			return nil, err
		}
	}
	logs := w.config.logs()
	w.opt.Recognize, w.opt.Declared = recognizer(logs), declarer(logs)
	judgeBy(&w.opt, set)
	w.follow = ingest.FollowOptions{Every: w.config.Discover.Every, Idle: w.config.Discover.IdleAfter}
	for i := range w.config.Sources {
		s := &w.config.Sources[i]
		r := ingest.Root{Path: s.Path, Poll: s.Poll == "always", Server: s.Server, Exclude: func(p string) bool { return s.excludes(filepath.Base(p)) || org.excludesFile(p) }}
		r.Kind, _ = signin.ParseKind(s.Kind) // auto is none
		w.follow.Roots = append(w.follow.Roots, r)
	}
	return w, nil
}

// options are those of the store.
func (w *world) options() sqlite.Options {
	r := w.config.Retention
	return sqlite.Options{Rules: w.set, Create: true, Retention: sqlite.Retention{Hours: r.Hours, Days: r.Days, Evidence: r.Evidence, Findings: r.Findings}}
}

func newLogger(w io.Writer, c configLog) *slog.Logger {
	opt := &slog.HandlerOptions{Level: c.level()}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opt))
	}
	return slog.New(slog.NewTextHandler(w, opt))
}

// settleAfter is how long after its end an hour may still be told by the other log of its server.
const settleAfter = 2 * time.Hour
