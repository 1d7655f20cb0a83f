package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

type explainFlags struct {
	*globals
	organisation
	ruleFlags
	kind, fields string
	line         int64
}

func newExplain(g *globals) *cobra.Command {
	f := &explainFlags{globals: g}
	c := &cobra.Command{
		Use:   "explain [FILE...|-]",
		Short: "Per line: what was understood, the verdict and why, which rules fire",
		Long: `Explain reads log lines and says of each what it is and why, how sure that is, and which rules fire or
nearly fire. Without FILE it reads standard input. Lines that come without their header need --type,
and --fields if their columns are not the usual ones.

-o ndjson prints one object per line of input: file, line, offset, verdict, reason, traffic, signin, rules.`,
		Example: `  outmode explain u_ex261006.log
  outmode explain --line 4711 u_ex261006.log
  Get-Content HttpProxy.LOG -Tail 5 | outmode explain --type httpproxy`,
		RunE: func(c *cobra.Command, args []string) error { return f.run(c.Context(), args) },
	}
	c.Flags().StringVar(&f.kind, "type", "", "kind of lines that have no header: iis, httpproxy, imap, pop or smtp")
	c.Flags().StringVar(&f.fields, "fields", "", "their columns, as after \"#Fields:\" (default: the usual ones)")
	c.Flags().Int64Var(&f.line, "line", 0, "only this line of each file, counted from 1")
	f.organisation.flags(c)
	f.ruleFlags.flags(c)
	return c
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
	Rules   []string        `json:"rules"`
}

func (f *explainFlags) run(ctx context.Context, args []string) error {
	if err := f.format("table", "json", "ndjson"); err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"-"}
	}
	recognize, err := f.recognize()
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
	out := f.printer(set)
	logs, err := ingest.Explain(ctx, inputs, ingest.Options{Recognize: recognize, Org: org}, func(e ingest.Explained) error {
		if f.line != 0 && f.line != e.Line {
			return nil
		}
		return out(e)
	})
	if err != nil {
		return err
	}
	for _, l := range logs {
		if l.Err != nil {
			incomplete = true
			fmt.Fprintf(f.err, "outmode: %s: %s\n", plain(l.Input.Path), plain(l.Err.Error()))
		}
	}
	if incomplete {
		return &exit{code: exitIncomplete}
	}
	return nil
}

// recognize is by content, unless the operator says what the lines are.
func (f *explainFlags) recognize() (func([]byte) ingest.Format, error) {
	if f.kind == "" {
		if f.fields != "" {
			return nil, usagef("--fields needs --type: of what kind of log are they the columns?")
		}
		return exchange.Recognize, nil
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

func (f *explainFlags) printer(set *rules.Set) func(ingest.Explained) error {
	if f.output == "table" {
		return func(e ingest.Explained) error { return f.printText(e, set) }
	}
	enc := json.NewEncoder(f.out)
	enc.SetEscapeHTML(false)
	return func(e ingest.Explained) error {
		x := explained{File: e.Log.Input.Path, Line: e.Line, Offset: e.Offset, Verdict: e.Verdict.String(), Reason: e.Reason, Rules: []string{}}
		if s := e.SignIn; s != nil && (e.Verdict == signin.Noise || e.Verdict == signin.SignInLine) {
			x.Traffic = s.Traffic.String()
		}
		if e.Verdict == signin.SignInLine {
			x.SignIn = signin.AppendDocument(nil, e.SignIn, e.Place)
			for _, r := range set.Explain(e.SignIn) {
				if r.Fires {
					x.Rules = append(x.Rules, r.Rule)
				}
			}
		}
		return enc.Encode(x)
	}
}

func (f *explainFlags) printText(e ingest.Explained, set *rules.Set) error {
	p := f.painter()
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", p.in(bold, fmt.Sprintf("%s:%d  %s", cell(e.Log.Input.Path), e.Line, e.Verdict)))
	fmt.Fprintf(&b, "  why       %s\n", cell(e.Reason))
	if s := e.SignIn; s != nil {
		understood(&b, s)
	}
	if e.Verdict == signin.SignInLine {
		verdict(&b, e.SignIn)
		for _, r := range set.Explain(e.SignIn) {
			explainRule(&b, r)
		}
	}
	_, err := fmt.Fprintln(f.out, b.String())
	return err
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
	row("auth", string(f.AuthType))
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
	if signin.LegacyOnPrem(s.Protocol, s.Auth) {
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

func explainRule(b *strings.Builder, r rules.Explanation) {
	switch {
	case r.Error != "":
		fmt.Fprintf(b, "  broken    %s %s; %s\n", r.Rule, cell(r.Name), cell(r.Error))
	case r.Fires:
		fmt.Fprintf(b, "  fires     %s %s\n", r.Rule, cell(r.Name))
	case r.Nearly:
		fmt.Fprintf(b, "  nearly    %s %s; not met: %s\n", r.Rule, cell(r.Name), cell(r.Missing()))
	}
}
