package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

type explainFlags struct {
	*globals
	organisation
	ruleFlags
	mappings     []string
	kind, fields string
	line         int64 // 0 for all
}

func newExplain(g *globals) *cobra.Command {
	f := &explainFlags{globals: g}
	c := &cobra.Command{
		Use:   "explain [FILE...|-]",
		Short: "Per line: what was understood, the verdict and why, which rules fire",
		Long: `Explain reads log lines and says of each what it is and why, how sure that is, and which rules fire.
Only a rule of type match fires on a line. For the others a line counts: as one of many within a
window, or as a step. Rules that nearly fire, and all facts of lines that are no sign-ins, are shown
with -v; the former with --rules too.

Without FILE it reads standard input. FILE can be a member of an archive, logs.zip!u_ex261006.log.
Lines that come without their header need --type, and --fields if their columns are not the usual ones,
which are listed below.

A configuration that -c names says how lines are understood, as for scan; --mapping FILE shows what a mapping makes of them.

-o ndjson prints one object per line of input: file, line, offset, verdict, reason, traffic, signin, rules
(that fire), counts (rules of the other types for which it counts). -o json: one object, lines, of the same.

` + usualColumns(),
		Example: `  outmode explain u_ex261006.log
  outmode explain --line 4711 u_ex261006.log
  outmode explain --type iis --fields "date time cs-username c-ip sc-status" rest.log
  Get-Content HttpProxy.LOG -Tail 5 | outmode explain --type httpproxy`,
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("line") && f.line < 1 {
				return usagef("--line %d: lines are counted from 1", f.line)
			}
			return f.run(c.Context(), args)
		},
	}
	c.Flags().StringVar(&f.kind, "type", "", "kind of lines that have no header: iis, httpproxy, imap, pop or smtp")
	c.Flags().StringVar(&f.fields, "fields", "", "their columns, as after \"#Fields:\" (default: the usual ones)")
	c.Flags().Int64Var(&f.line, "line", 0, "only this line of each file, counted from 1")
	mappingFlag(c, &f.mappings)
	f.organisation.flags(c)
	f.ruleFlags.flags(c)
	return c
}

// usualColumns lists what --fields is where it is left out.
func usualColumns() string {
	const width = 100
	var b strings.Builder
	b.WriteString("The usual columns of each --type:")
	for _, k := range []signin.Kind{signin.IIS, signin.IMAPLog, signin.SMTPLog, signin.HTTPProxy} {
		name, sep := k.String(), ","
		switch k {
		case signin.IIS:
			sep = " "
		case signin.IMAPLog:
			name = "imap, pop"
		}
		fmt.Fprintf(&b, "\n  %s", name)
		line := ""
		for column := range strings.SplitAfterSeq(exchange.DefaultFields(k), sep) {
			if len(line)+len(column) > width {
				b.WriteString("\n    " + strings.TrimRight(line, " "))
				line = ""
			}
			line += column
		}
		b.WriteString("\n    " + line)
	}
	return b.String()
}

// explained is what -o ndjson prints of a line.
type explained struct {
	File    string          `json:"file"`
	Line    int64           `json:"line"`
	Offset  int64           `json:"offset"`
	Verdict string          `json:"verdict"`
	Reason  string          `json:"reason"`
	Traffic string          `json:"traffic,omitempty"`
	SignIn  json.RawMessage `json:"signin,omitempty"`
	MFA     *explainedMFA   `json:"mfa,omitempty"`
	Rules   []string        `json:"rules"`
	Counts  []string        `json:"counts"`
}

func (f *explainFlags) run(ctx context.Context, args []string) error {
	if err := f.format("table", "json", "ndjson"); err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"-"}
	}
	gateways, err := f.configured(&f.organisation, &f.ruleFlags, f.mappings)
	if err != nil {
		return err
	}
	recognize, err := f.recognize(gateways)
	if err != nil {
		return err
	}
	org, err := f.organisation.build()
	if err != nil {
		return err
	}
	set, err := f.ruleFlags.load(f.globals)
	if err != nil {
		return err
	}
	inputs, problems := tail.Find(args, tail.FindOptions{Stdin: f.in, Exclude: f.excludesFile})
	defer func() { _ = tail.Cleanup(inputs) }()
	incomplete := false
	for _, p := range problems {
		if p.Severity == tail.Missing {
			return &exit{exitError, p}
		}
		incomplete = incomplete || p.Severity != tail.Note
		fmt.Fprintf(f.err, "outmode: %s\n", plain(p.Error()))
	}
	out, end := f.printer(set)
	lines := map[*ingest.Log]int64{}
	opt := ingest.Options{Recognize: func(head []byte) ingest.Format { return exchange.Explaining(recognize(head)) }, Org: org}
	if f.kind == "" {
		opt.Declared = declarer(gateways)
	}
	logs, err := ingest.Explain(ctx, inputs, opt, func(e ingest.Explained) error {
		lines[e.Log] = e.Line
		if f.line != 0 && f.line != e.Line {
			return nil
		}
		return out(e)
	})
	if err == nil {
		err = end()
	}
	if err != nil {
		return err
	}
	short := false
	for i := range logs {
		l := &logs[i]
		if l.Err != nil {
			incomplete = true
			fmt.Fprintf(f.err, "outmode: %s: %s\n", plain(l.Input.Path), plain(l.Err.Error()))
		}
		if lines[l] < f.line {
			short = true
			has := "has only " + plural(lines[l], "line")
			if lines[l] == 0 {
				has = "has no line"
			}
			fmt.Fprintf(f.err, "outmode: %s %s\n", plain(l.Input.Path), has)
		}
	}
	switch {
	case short:
		return &exit{code: exitError}
	case incomplete:
		return &exit{code: exitIncomplete}
	}
	return nil
}

// recognize is by content, unless the operator says what the lines are.
func (f *explainFlags) recognize(gateways mfa.Options) (func([]byte) ingest.Format, error) {
	if f.kind == "" {
		if f.fields != "" {
			return nil, usagef("--fields needs --type: of what kind of log are they the columns?")
		}
		return recognizer(gateways), nil
	}
	kind, ok := signin.ParseKind(f.kind)
	if !ok {
		return nil, usagef("--type %q is no kind of log; write iis, httpproxy, imap, pop or smtp", f.kind)
	}
	format, err := exchange.ByName(kind, f.fields)
	if err != nil {
		return nil, &exit{exitUsage, fmt.Errorf("--type %s: %w", f.kind, err)}
	}
	return func([]byte) ingest.Format { return format }, nil
}

// printer returns what prints a line, and what is to be called behind the last.
func (f *explainFlags) printer(set *rules.Set) (line func(ingest.Explained) error, end func() error) {
	end = func() error { return nil }
	if f.output == "table" {
		return (&lineWriter{explainFlags: f, set: set, paint: f.painter()}).write, end
	}
	before := ""
	if f.output == "json" { // one object with a list, line by line: there may be millions
		before = `{"lines":[`
		end = func() error {
			_, err := io.WriteString(f.out, strings.TrimSuffix(before, ",")+"]}\n")
			return err
		}
	}
	enc := newEncoder(f.out)
	return func(e ingest.Explained) error {
		if _, err := io.WriteString(f.out, before); err != nil {
			return err
		}
		if before != "" {
			before = ","
		}
		x := explained{File: e.Log.Input.Path, Line: e.Line, Offset: e.Offset, Verdict: e.Verdict.String(), Reason: f.reason(&e), MFA: factorOf(&e), Rules: []string{}, Counts: []string{}}
		if s := e.SignIn; s != nil && (e.Verdict == signin.Noise || e.Verdict == signin.SignInLine) {
			x.Traffic = s.Traffic.String()
		}
		if e.Verdict == signin.SignInLine {
			x.SignIn = signin.AppendDocument(nil, e.SignIn, e.Place)
		}
		if judged(&e) {
			for _, r := range set.Explain(e.SignIn) {
				if r.Fires {
					x.Rules = append(x.Rules, r.Rule)
				}
				if r.Counts {
					x.Counts = append(x.Counts, r.Rule)
				}
			}
		}
		return enc.Encode(x)
	}, end
}

// judged reports whether rules look at a line: a sign-in, or noise of a reserved name.
func judged(e *ingest.Explained) bool {
	return e.Verdict == signin.SignInLine || e.Verdict == signin.Noise && e.SignIn != nil && e.SignIn.Reserved
}

// reason is why a line is what it is. One that cannot be read under columns that the operator gave, or
// that were taken for lack of others, may have others.
func (f *explainFlags) reason(e *ingest.Explained) string {
	if f.kind == "" || e.Verdict != signin.Malformed {
		return e.Reason
	}
	return e.Reason + "; --fields says which columns it has, \"outmode explain --help\" shows the usual ones"
}

// A lineWriter prints sign-ins as blocks and, unless everything is asked for, all else as single lines.
type lineWriter struct {
	*explainFlags
	set   *rules.Set
	paint *paint
	block bool // the last one was a block
	any   bool
}

func (w *lineWriter) write(e ingest.Explained) error {
	var b strings.Builder
	var made []rules.Explanation
	if judged(&e) {
		made = w.set.Explain(e.SignIn)
	}
	block := w.verbose || e.Verdict == signin.SignInLine || e.Verdict == signin.MFALine ||
		slices.ContainsFunc(made, func(x rules.Explanation) bool { return x.Fires || x.Counts || x.Error != "" }) // also of noise
	if w.any && (block || w.block) {
		b.WriteByte('\n')
	}
	w.any, w.block = true, block
	place := fmt.Sprintf("%s:%d  %s", cell(e.Log.Input.Path), e.Line, e.Verdict)
	if block {
		fmt.Fprintf(&b, "%s\n", w.paint.in(bold, place))
		fmt.Fprintf(&b, "  why       %s\n", cell(w.reason(&e)))
		if e.SignIn != nil {
			understood(&b, e.SignIn)
		}
	} else {
		fmt.Fprintf(&b, "%s: %s\n", place, cell(w.reason(&e)))
	}
	factor(&b, factorOf(&e))
	if block && judged(&e) {
		verdict(&b, e.SignIn)
		for _, r := range made {
			w.rule(&b, &r)
		}
	}
	if block && w.set.JudgesRecords() && (e.Verdict == signin.MFALine || judged(&e) && w.ownJoined()) {
		b.WriteString("  joined    rules that read mfa judge logons joined with events, and no line: outmode mfa -o ndjson has every logon\n")
	}
	_, err := io.WriteString(w.out, b.String())
	return err
}

// ownJoined reports whether a rule that --rules or the configuration names reads mfa: who wrote it waits for it to fire.
func (w *lineWriter) ownJoined() bool {
	for n := range w.set.Len() {
		if w.set.Joined(int32(n)) && !strings.HasPrefix(w.set.Rule(int32(n)).File, "builtin/") {
			return true
		}
	}
	return false
}

// rule prints what a rule makes of a sign-in. The many that nearly fire interest who asks for everything,
// and who writes rules.
func (w *lineWriter) rule(b *strings.Builder, r *rules.Explanation) {
	switch {
	case r.Error != "":
		fmt.Fprintf(b, "  broken    %s %s; %s\n", r.Rule, cell(r.Name), cell(r.Error))
	case r.Fires:
		fmt.Fprintf(b, "  fires     %s %s\n", r.Rule, cell(r.Name))
	case r.Counts:
		fmt.Fprintf(b, "  counts    %s %s: %s\n", r.Rule, cell(r.Name), cell(r.As))
	case r.Nearly && (w.verbose || len(w.dirs) > 0):
		fmt.Fprintf(b, "  nearly    %s %s; not met: %s\n", r.Rule, cell(r.Name), cell(r.Missing()))
	}
}

// understood prints the facts of a line, as they were logged.
func understood(b *strings.Builder, s *signin.SignIn) {
	f := s.Facts
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "  %-9s %s\n", name, cell(value))
		}
	}
	row("time", rfc3339(f.Time))
	row("account", string(f.Account))
	row("from", strings.TrimSpace(string(f.Address)+" "+string(f.Forwarded)))
	row("agent", string(f.Agent))
	row("server", s.Server)
	request := strings.TrimSpace(string(f.Method) + " " + string(f.Path))
	if f.Status != 0 {
		request += fmt.Sprintf(" %d", f.Status)
		if f.SubStatus != 0 || f.Win32 != 0 {
			request += fmt.Sprintf(".%d win32 %d", f.SubStatus, f.Win32)
		}
	}
	row("request", strings.TrimSpace(request))
	switch {
	case signin.KnownAuthType(f.AuthType):
		row("auth", string(f.AuthType))
	case len(f.AuthType) > 0:
		row("auth", "of no known type: not shown, since a client may have sent it")
	}
}

// verdict prints what the line was classified as.
func verdict(b *strings.Builder, s *signin.SignIn) {
	auth := s.Auth.String()
	if s.Mechanism != signin.NoMechanism {
		auth += " (" + s.Mechanism.String() + ")"
	}
	fmt.Fprintf(b, "  verdict   %s %s on %s, %s; client %s (modern authentication: %s)\n", auth, s.Outcome, s.Protocol, s.Evidence, s.Client.Family, s.Client.Modern)
	var dialects []string
	if signin.LegacyEXO(s.Protocol, s.Auth) {
		dialects = append(dialects, "Exchange Online (AllowBasicAuth*)")
	}
	if signin.LegacyOnPrem(s.Facts.Kind, s.Protocol, s.Auth) {
		dialects = append(dialects, "Exchange Server (BlockLegacyAuth*)")
	}
	if len(dialects) == 0 {
		dialects = []string{"none of the policy dialects"}
	}
	fmt.Fprintf(b, "  legacy in %s\n", strings.Join(dialects, " and "))
	if s.Weak {
		b.WriteString("  note      the other log of the server (IIS or HttpProxy) may tell the same request; scan counts it once\n")
	}
}
