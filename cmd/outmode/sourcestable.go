package main

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// writeTable shows what is missing first, then what was read, and the next commands last.
func (r *sourcesReport) writeTable(w io.Writer, p *paint, verbose bool) error {
	t := sourcesTable{r: r, w: &strings.Builder{}, p: p, verbose: verbose}
	t.headline()
	t.problems()
	t.read()
	t.coverage()
	t.next()
	_, err := io.WriteString(w, t.w.String())
	return err
}

type sourcesTable struct {
	r       *sourcesReport
	w       *strings.Builder
	p       *paint
	verbose bool
}

func (t *sourcesTable) printf(format string, args ...any) { fmt.Fprintf(t.w, format, args...) }

func (t *sourcesTable) heading(s string) { t.printf("\n%s\n", t.p.in(bold, s)) }

func (t *sourcesTable) headline() {
	r := t.r
	t.printf("%s\n", t.p.in(bold, "Logs in the store "+cell(r.data)))
	if len(r.Sources) == 0 {
		t.printf("  No log was met yet.\n")
		return
	}
	var behind, lost, unread, garbled int
	var from, to string
	for i := range r.Sources {
		s := &r.Sources[i]
		behind += min(1, int(min(s.LagBytes, 1)))
		lost += min(1, s.holes)
		unread += min(1, len(s.Gaps)-s.holes)
		if s.garbled {
			garbled++
		}
		if s.FirstEvent != "" && (from == "" || s.FirstEvent < from) {
			from = s.FirstEvent
		}
		to = max(to, s.LastEvent)
	}
	period := ""
	if from != "" {
		period = fmt.Sprintf(", %s to %s UTC", shortTime(from), shortTime(to))
	}
	t.printf("  %s, %s%s\n", plural(len(r.Sources), "log"), plural(r.Lines.Total, "line"), period)
	if behind+lost+unread+garbled == 0 {
		t.printf("  Every log was read to its end.\n")
	}
	if behind > 0 {
		t.printf("  Not read yet: %s of %s.\n", plural(r.LagBytes, "byte"), plural(behind, "log"))
	}
	if unread > 0 {
		t.printf("  Not readable to its end: %s.\n", plural(unread, "log"))
	}
	if garbled > 0 {
		t.printf("  Not understood: more than 1 %% of the lines of %s.\n", plural(garbled, "log"))
	}
	if lost > 0 {
		t.printf("  Lost: %s went away before their end was read.\n", plural(lost, "log"))
	}
}

// shortTime is an RFC 3339 instant to the minute, as a person reads it.
func shortTime(s string) string { return strings.Replace(s[:min(16, len(s))], "T", " ", 1) }

// problemRows is how many problems are shown where nobody asked for all.
const problemRows = 20

func (t *sourcesTable) problems() {
	tb := newTable("what", "log", ">bytes", "from", "why")
	sorted := make([]*ledgerSource, 0, len(t.r.Sources))
	for i := range t.r.Sources {
		if s := &t.r.Sources[i]; s.severity() < whole {
			sorted = append(sorted, s)
		}
	}
	if len(sorted) == 0 {
		return
	}
	slices.SortStableFunc(sorted, func(a, b *ledgerSource) int { return int(a.severity()) - int(b.severity()) })
	shown := sorted
	if !t.verbose {
		shown = sorted[:min(len(sorted), problemRows)]
	}
	for _, s := range shown {
		for i, g := range s.Gaps {
			what, bytes := strings.ReplaceAll(s.State, "_", " "), number(s.LagBytes)
			if i < s.holes {
				what, bytes = "lost", ""
			}
			tb.add(what, s.Path, bytes, orDash(shortTime(g.From)), g.Reason)
		}
		if s.garbled {
			tb.add("malformed", s.Path, "", orDash(shortTime(s.FirstEvent)), s.malformedReason())
		}
		if len(s.Gaps) == s.holes && s.LagBytes > 0 {
			tb.add("not read yet", s.Path, number(s.LagBytes), orDash(shortTime(s.LastEvent)), s.lagReason())
		}
	}
	t.heading("What is missing, and why")
	tb.write(t.w, t.p)
	if hidden := len(sorted) - len(shown); hidden > 0 {
		t.printf("  ... and %s more: -v shows all\n", plural(hidden, "log"))
	}
}

// lagReason says why bytes that are there were not read.
func (s *ledgerSource) lagReason() string {
	switch {
	case strings.HasPrefix(s.Unfinished, "unfinished:"):
		return "its last line has no end yet"
	case s.Unfinished != "":
		return s.Unfinished
	case s.Offset == 0:
		return "it was not begun"
	}
	return "it grew since it was read, or is being read"
}

// malformedReason says how many lines were not understood, and the first reason.
func (s *ledgerSource) malformedReason() string {
	text := fmt.Sprintf("%s of %s malformed", number(s.Lines.Malformed), plural(s.Lines.Total, "line"))
	if len(s.Malformed) > 0 {
		text += ": " + s.Malformed[0].Reason
	}
	return text
}

// A severity is how bad it is what is missing of a log, the worst first.
type lack int

const (
	unread lack = iota
	lost
	behind
	whole
)

func (s *ledgerSource) severity() lack {
	switch {
	case len(s.Gaps) > s.holes, s.garbled:
		return unread
	case s.holes > 0:
		return lost
	case s.LagBytes > 0:
		return behind
	}
	return whole
}

// read shows what became of every line, per folder or per file, and in total.
func (t *sourcesTable) read() {
	if len(t.r.Sources) == 0 {
		return
	}
	t.heading("What was read")
	tb := newTable("folder", "kind", "server", ">files", ">lines", ">sign-ins", ">noise", ">other", ">malformed", ">headers", ">bytes to read", "from", "to")
	if t.verbose {
		tb.head[0] = "log"
		tb.head, tb.right = append(tb.head, "why"), append(tb.right, false)
	}
	for _, g := range t.groups() {
		row := append(append([]string{g.name, g.kind, orDash(g.server), number(g.files)}, lineCells(g.lines)...), number(g.lag), g.from, g.to)
		if t.verbose {
			row = append(row, g.why)
		}
		tb.add(row...)
	}
	tb.add(append(append([]string{"total", "", "", number(len(t.r.Sources))}, lineCells(t.r.Lines)...), number(t.r.LagBytes), "", "")...)
	tb.write(t.w, t.p)
}

// lineCells are the counts of lines in the order of the table. MFA events stand with the sign-ins, as people see them.
func lineCells(l signin.Lines) []string {
	return []string{number(l.Total), number(l.SignIn + l.MFA), number(l.Noise), number(l.Other), number(l.Malformed), number(l.Directive)}
}

// A sourceGroup is the files of one kind, state and server in one folder.
type sourceGroup struct {
	group
	lag int64
	why string // its lines do not count, of a single log
}

func (t *sourcesTable) groups() []*sourceGroup {
	var groups []*sourceGroup
	at := map[[3]string]*sourceGroup{}
	for i := range t.r.Sources {
		s := &t.r.Sources[i]
		name, kind := path.Dir(s.Path), s.Kind
		if t.verbose {
			name = s.Path
		}
		if s.State != "read" {
			kind += " (" + strings.ReplaceAll(s.State, "_", " ") + ")"
		}
		k := [3]string{name, kind, s.Server}
		g := at[k]
		if g == nil {
			g = &sourceGroup{group: group{name: name, kind: kind, server: s.Server}}
			at[k] = g
			groups = append(groups, g)
		}
		g.add(&s.source, shortTime)
		g.lag += s.LagBytes
		if s.State == string(ingest.NotCounted) || s.State == string(ingest.Duplicate) {
			g.why = s.Why
		}
	}
	slices.SortStableFunc(groups, func(a, b *sourceGroup) int { return strings.Compare(a.name, b.name) })
	return groups
}

func (t *sourcesTable) next() {
	data := quoted(t.r.data)
	t.heading("Next")
	if len(t.r.Sources) == 0 {
		t.printf("  outmode scan --data %s PATH    reads logs into it\n", data)
		return
	}
	if !t.verbose {
		t.printf("  outmode sources --data %s -v    every log\n", data)
	}
	t.printf("  outmode usage --data %s    who signs in with what\n", data)
	t.printf("  outmode store check --data %s --logs    proves that logs and store agree\n", data)
}
