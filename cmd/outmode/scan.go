package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// scanFlags are what scan can be told.
type scanFlags struct {
	*globals
	organisation
	ruleFlags
	since, until string
	failOn       string
	workers      int
	top          int
	data         string
	mappings     []string
	gateways     mfa.Options // from the configuration, if -c names one
	from, to     int64       // since and until in Unix milliseconds; 0 for none
}

func newScan(g *globals) *cobra.Command {
	f := &scanFlags{globals: g}
	c := &cobra.Command{
		Use:   "scan PATH...",
		Short: "Audit log files once: who signs in with what, which rules fire, what was read",
		Long: `Scan reads logs of IIS, HttpProxy, POP, IMAP and SMTP: files, folders (with all below them), globs,
.gz and .zip archives, or standard input (-). What a file is, is told from its content.

It prints which accounts used which protocol with which authentication, what of it a block policy
would refuse, which rules fire, and what became of every line that was read.

Scan needs no configuration. One that -c names says how logs are understood: its organisation, mfa and rules hold, but
for the lists that flags give. --mapping declares logs of gateways that Outmode does not know (docs/configuration.md).

-o json prints one object, -o csv the usage rows, -o ndjson every counted sign-in as an ECS document.
Exit codes: 0 done, 1 error, 2 usage, 3 done but a log could not be read to its end, 4 findings at or
above --fail-on (which goes before 3). A file that is no log, and a period without logs, are notes.`,
		Example: `  outmode scan /logs
  outmode scan --since 7d --top 50 '/mnt/ex*/Logging/HttpProxy'
  outmode scan /logs -o json > audit.json
  outmode scan /logs --fail-on high -q
  outmode scan --published-app 'Outlook on the web' entra.json
  outmode scan --mapping gateway.yaml /logs /gateway-logs
  outmode scan -c /etc/outmode/config.yaml /old-logs`,
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("fail-on") && f.failOn == "" {
				return usagef("--fail-on is empty: write %s, or leave it out", join(signin.Words("severity"), ", ", " or "))
			}
			return f.run(c.Context(), args)
		},
	}
	f.periodFlags(c)
	fl := c.Flags()
	fl.StringVar(&f.data, "data", "", "directory of a store to read the logs into, where \"outmode serve\" goes on; the report is of all that it holds")
	fl.StringVar(&f.failOn, "fail-on", "", "exit with 4 if there is a finding of this severity or a higher one")
	fl.IntVar(&f.workers, "workers", 0, "how many files or parts are read at once (default: one per processor)")
	fl.IntVar(&f.top, "top", 20, "how many accounts the table shows; 0 for all")
	mappingFlag(c, &f.mappings)
	f.organisation.flags(c)
	f.ruleFlags.flags(c)
	return c
}

func (f *scanFlags) periodFlags(c *cobra.Command) {
	c.Flags().StringVar(&f.since, "since", "", "first day to count, in whole UTC days: 2026-10-06, 7d (days before now) or RFC 3339")
	c.Flags().StringVar(&f.until, "until", "", "last day to count, in the same forms")
}

func (f *scanFlags) run(ctx context.Context, args []string) error {
	if err := f.format("table", "json", "ndjson", "csv"); err != nil {
		return err
	}
	if len(args) == 0 {
		return usagef("scan needs a PATH: a log file, a folder of logs, or - for standard input")
	}
	if f.data != "" && f.output == "ndjson" {
		return usagef("-o ndjson prints what is read from the files: leave out --data")
	}
	threshold, err := severityFlag("--fail-on", f.failOn)
	if err != nil {
		return err
	}
	if f.data != "" {
		if err := f.storeOn(f.data); err != nil {
			return err
		}
	}
	if f.gateways, err = f.configured(&f.organisation, &f.ruleFlags, f.mappings); err != nil {
		return err
	}
	opt, err := f.options()
	if err != nil {
		return err
	}
	set, err := f.ruleFlags.load(f.globals)
	if err != nil {
		return err
	}
	judgeBy(&opt, set)
	inputs, problems := tail.Find(args, tail.FindOptions{Stdin: tail.Stoppable(ctx, f.in), Exclude: f.excludesFile})
	defer func() { _ = tail.Cleanup(inputs) }()
	for _, p := range problems {
		if p.Severity == tail.Missing {
			return &exit{exitError, p}
		}
	}
	bar := f.progress()
	opt.Progress = bar.update
	var res *ingest.Result
	var rep *report
	if f.data == "" {
		rep, res, err = f.scanOnce(ctx, args, inputs, problems, opt, set)
	} else {
		rep, err = f.scanInto(ctx, args, inputs, problems, opt, set)
	}
	bar.done()
	if err != nil {
		return err
	}
	if f.output == "table" {
		rep.letIn(set)
	}
	if err := f.write(ctx, rep, res); err != nil {
		return err
	}
	return rep.exit(threshold, f.failOn != "")
}

// scanOnce reads the logs and keeps nothing.
func (f *scanFlags) scanOnce(ctx context.Context, args []string, inputs []tail.Input, problems []tail.Problem, opt ingest.Options, set *rules.Set) (*report, *ingest.Result, error) {
	res, err := ingest.Scan(ctx, inputs, opt)
	if err != nil {
		return nil, nil, fmt.Errorf("scan was stopped: %w", err)
	}
	var broken []rules.Broken
	if documents := f.output == "ndjson"; (set.JudgesRecords() || documents) && tellsOfFactors(res) {
		with, err := f.joins(opt.Org.Internal)
		if err == nil {
			broken, err = joinScan(ctx, inputs, opt, set, with, res, documents)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	rep := newReport(res, problems, set, f, args)
	rep.addBroken(broken)
	return rep, res, nil
}

// judgeBy makes a scan apply the rules.
func judgeBy(opt *ingest.Options, set *rules.Set) {
	opt.NewJudge = func() ingest.Judge { return set.NewJudge() }
	opt.Window = set.Window
	opt.Watch = func(firstSteps []signin.Minute, open bool) ingest.Watch {
		if w := set.Watch(firstSteps); w != nil {
			if open {
				w.Open()
			}
			return w
		}
		return nil
	}
}

// options turns the flags into what ingest needs.
func (f *scanFlags) options() (ingest.Options, error) {
	opt := ingest.Options{Recognize: recognizer(f.gateways), Declared: declarer(f.gateways), Workers: f.workers}
	org, err := f.organisation.build()
	if err != nil {
		return opt, err
	}
	opt.Org = org
	if opt.Since, err = dayFlag("--since", f.since, time.Now()); err != nil {
		return opt, err
	}
	if opt.Until, err = dayFlag("--until", f.until, time.Now()); err != nil {
		return opt, err
	}
	if f.until != "" {
		opt.Until += 24 * time.Hour.Milliseconds() // the day that is named still counts
	}
	if opt.Until > 0 && opt.Until <= opt.Since {
		return opt, usagef("--until %s is before --since %s", f.until, f.since)
	}
	if f.workers < 0 {
		return opt, usagef("--workers %d: it cannot be negative; 0 is one for each processor", f.workers)
	}
	if f.top < 0 {
		return opt, usagef("--top %d: it cannot be negative; 0 shows all", f.top)
	}
	f.from, f.to = opt.Since, opt.Until
	return opt, nil
}

// said is the flags that change what is counted.
func (f *scanFlags) said() options {
	list := func(s []string) []string { return append([]string{}, s...) }
	return options{Since: rfc3339(f.from), Until: rfc3339(f.to), Exclude: list(f.exclude), Service: list(f.service),
		Internal: list(f.internal), Servers: list(f.servers), PublishedApps: list(f.published), Rules: list(f.dirs), NoBuiltin: f.noBuiltin}
}

// dayFlag reads a day as "7d" before now, a date or an RFC 3339 instant, and returns its first
// instant in UTC, in Unix milliseconds.
func dayFlag(flag, value string, now time.Time) (int64, error) {
	if value == "" {
		return 0, nil
	}
	var days int
	if n, err := fmt.Sscanf(value, "%dd", &days); n == 1 && err == nil && fmt.Sprintf("%dd", days) == value && days >= 0 && days < 10_000 {
		return dayStart(now.AddDate(0, 0, -days)), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		switch t, err := time.Parse(layout, value); {
		case err == nil && (t.Year() < 1990 || t.Year() > 9999):
			return 0, usagef("%s %q: no Exchange server wrote logs then", flag, value)
		case err == nil:
			return dayStart(t), nil
		}
	}
	return 0, usagef("%s %q is no day; write 7d, 2026-10-06 or 2026-10-06T08:00:00Z", flag, value)
}

func dayStart(t time.Time) int64 { return t.UTC().Truncate(24 * time.Hour).UnixMilli() }

func severityFlag(flag, value string) (signin.Severity, error) {
	s, ok := signin.ParseSeverity(value)
	if value != "" && !ok {
		return 0, usagef("%s %q is no severity; write %s", flag, value, join(signin.Words("severity"), ", ", " or "))
	}
	return s, nil
}

func (f *scanFlags) write(ctx context.Context, rep *report, res *ingest.Result) error {
	switch f.output {
	case "json":
		return rep.writeJSON(f.out)
	case "csv":
		return rep.writeCSV(f.out)
	case "ndjson":
		err := res.Documents(ctx, func(lines []byte) error {
			_, err := f.out.Write(lines)
			return err
		})
		if err != nil {
			return fmt.Errorf("writing the sign-ins: %w", err)
		}
		return nil
	}
	return rep.writeTable(f.out, f.painter(), f.top, f.verbose)
}

// exit is the code that the report deserves, as an error; nil for 0.
func (r *report) exit(threshold signin.Severity, fail bool) error {
	if fail {
		for _, fd := range r.found {
			if fd.Severity >= threshold && !aboutData(fd.Rule) { // what is wrong with the data has a code of its own
				return &exit{code: exitFindings}
			}
		}
	}
	if r.incomplete {
		return &exit{code: exitIncomplete}
	}
	return nil
}

// ruleFlags say which rules apply.
type ruleFlags struct {
	dirs      []string
	noBuiltin bool
}

func (f *ruleFlags) flags(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.dirs, "rules", nil, "a folder of rule files (*.yaml), or one file, to add to the built-in rules")
	c.Flags().BoolVar(&f.noBuiltin, "no-builtin", false, "without the built-in rules")
}

const rulesUnusable = "the rules cannot be used; nothing was read. \"outmode rules check\" checks rules alone"

// load compiles the rules. Every mistake in every file is named before the command gives up.
func (f *ruleFlags) load(g *globals) (*rules.Set, error) {
	set, problems := f.compile()
	if len(problems) == 0 {
		return set, nil
	}
	for _, p := range problems {
		fmt.Fprintln(g.err, plain(p.String()))
	}
	return nil, &exit{exitError, errors.New(rulesUnusable)}
}

func (f *ruleFlags) compile() (*rules.Set, []rules.Problem) {
	var files []rules.File
	var problems []rules.Problem
	if !f.noBuiltin {
		files = rules.Builtin()
	}
	for _, dir := range f.dirs {
		more, bad := rules.ReadDir(dir)
		files, problems = append(files, more...), append(problems, bad...)
	}
	set, bad := rules.Load(files)
	return set, append(problems, bad...)
}

// writeJSON writes one indented object and nothing else.
func writeJSON(w io.Writer, v any) error {
	e := newEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// newEncoder returns an encoder of JSON that is harmless on a terminal, too.
func newEncoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(seen{w})
	e.SetEscapeHTML(false)
	return e
}

// seen escapes in JSON what a terminal would obey. All that is not ASCII stands within strings.
type seen struct{ w io.Writer }

func (s seen) Write(p []byte) (int, error) {
	var out []byte
	done := 0
	for i := 0; i < len(p); {
		r, n := rune(p[i]), 1
		if r >= 0x7f {
			if r, n = utf8.DecodeRune(p[i:]); signin.Unseen(r) {
				out = fmt.Appendf(append(out, p[done:i]...), `\u%04x`, r)
				done = i + n
			}
		}
		i += n
	}
	if _, err := s.w.Write(append(out, p[done:]...)); err != nil {
		return 0, err
	}
	return len(p), nil
}
