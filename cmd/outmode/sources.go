package main

import (
	"context"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/internal/store/sqlite"
)

func newSources(g *globals) *cobra.Command {
	var data string
	c := &cobra.Command{
		Use:   "sources",
		Short: "The ledger: which logs were read, to where, and what is missing",
		Long: `Sources shows what the store knows of every log: how far it was read, what became of each of its lines, what
is not read yet, and what never will be, with the reason. It works while "outmode serve" runs. Sizes are those of the
files now, where they can be seen.

Coverage says of which hours there is nothing, per server and kind: those in which a log that is written around the clock
(IIS, HttpProxy) told nothing for two hours or longer, and those of which the server's other log, or another server's
log of the kind, was read. A log of POP, IMAP or SMTP may be silent at any time.

States: read, duplicate (its lines are counted from another log), not_counted (it is no log that is counted),
incomplete (read in part), unreadable, gone (not on disk any more). Exit codes: 0, 1 error, 2 usage, 3 a log could not
be read to its end, or more than 1 % of its lines are malformed.

-o json: one object: lines (the sums), lag_bytes and sources, each path kind server size offset state why lines (total
signin mfa noise other malformed directive, which add up; a last line without an end is other) first_event last_event
gaps (from to reason) malformed (reason lines) lag_bytes unfinished (what the last line without an end is) chain (the
SHA-256 over what was committed) duplicate_of; coverage, per server and kind: server kind from to complete gaps, as
usage has it, elsewhere (from to: when, before or after, other servers' logs of that kind were heard) and hours_missing
in both; absent (kind, and the servers without a log of it that others have). -o ndjson: a source per line.`,
		Example: `  outmode sources --data /var/lib/outmode
  outmode sources --data /var/lib/outmode -v
  outmode sources --data /var/lib/outmode -o json | jq '.sources[] | select(.lag_bytes > 0) | .path'`,
		Args: atMost(0, "the store is named by --data DIR"),
		RunE: func(c *cobra.Command, _ []string) error { return g.runSources(c.Context(), data) },
	}
	c.Flags().StringVar(&data, "data", "", "directory of the store")
	return c
}

func (g *globals) runSources(ctx context.Context, data string) error {
	if err := g.format("table", "json", "ndjson", "csv"); err != nil {
		return err
	}
	store, err := g.readStore(ctx, data, sqlite.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	list, err := store.List(ctx)
	if err != nil {
		return err
	}
	cover, err := store.Coverage(ctx, sqlite.Period{})
	if err != nil {
		return err
	}
	r := newSourcesReport(store.Dir(), list, sizesNow(ctx, list, statPatience))
	r.addCoverage(cover)
	switch g.output {
	case "json":
		err = writeJSON(g.out, r)
	case "ndjson":
		e := newEncoder(g.out)
		for i := range r.Sources {
			if err = e.Encode(&r.Sources[i]); err != nil {
				break
			}
		}
	case "csv":
		err = r.writeCSV(csv.NewWriter(g.out))
	default:
		err = r.writeTable(g.out, g.painter(), g.verbose)
	}
	if err == nil && r.incomplete {
		return &exit{code: exitIncomplete}
	}
	return err
}

// A sourcesReport is the answer of sources.
type sourcesReport struct {
	Lines    signin.Lines     `json:"lines"`
	LagBytes int64            `json:"lag_bytes"`
	Sources  []ledgerSource   `json:"sources"`
	Coverage []sourceCoverage `json:"coverage"`
	Absent   []absentLog      `json:"absent"`

	data       string // directory
	incomplete bool   // a log could not be read to its end
}

// A ledgerSource is a source with what only a ledger knows of it.
type ledgerSource struct {
	source
	LagBytes    int64  `json:"lag_bytes"`  // not read yet
	Unfinished  string `json:"unfinished"` // what a last line without an end is
	Chain       string `json:"chain"`
	DuplicateOf string `json:"duplicate_of,omitempty"`

	holes   int  // of its gaps: what will never be read
	garbled bool // too many of its lines are malformed
}

func newSourcesReport(data string, list []sqlite.Listed, now map[string]int64) *sourcesReport {
	r := &sourcesReport{data: data, Sources: []ledgerSource{}}
	for i := range list {
		l := &list[i]
		size := l.Size
		if n, ok := now[l.Path]; ok && l.State != ingest.Gone {
			size = n
		}
		s := ledgerSource{source: source{Path: l.Path, Kind: l.Kind.String(), Server: l.Server, Size: size, Offset: l.Offset, State: string(l.State), Why: l.Why, Lines: l.Lines,
			FirstEvent: rfc3339(l.First), LastEvent: rfc3339(l.Last), Gaps: []gap{}},
			LagBytes: l.Lag(size), Unfinished: l.Unfinished, Chain: hex.EncodeToString(l.Chain[:]), DuplicateOf: l.DuplicateOf, holes: len(l.Holes)}
		for _, h := range l.Holes {
			s.Gaps = append(s.Gaps, gap{rfc3339(h.From), rfc3339(h.To), holeReason(&h)})
		}
		if l.State == ingest.Incomplete || l.State == ingest.Unreadable {
			s.Gaps = append(s.Gaps, gap{rfc3339(l.Last), "", unreadFrom(l.Path, l.Offset, l.Why)})
			r.incomplete = true
		}
		for _, c := range l.Malformed {
			s.Malformed = append(s.Malformed, cause(c))
		}
		if float64(l.Lines.Malformed) > malformedShare*float64(l.Lines.Total) {
			s.garbled, r.incomplete = true, true
		}
		if l.State == ingest.NotCounted {
			s.LagBytes = 0 // nobody waits for it
		}
		r.Lines.Add(s.Lines)
		r.LagBytes += s.LagBytes
		r.Sources = append(r.Sources, s)
	}
	return r
}

// holeReason says what will never be read.
func holeReason(h *ingest.Hole) string {
	much := fmt.Sprintf("%s from byte %d on", plural(h.Bytes, "byte"), h.Offset)
	if h.Bytes == 0 {
		much = fmt.Sprintf("what stood behind byte %d", h.Offset)
	}
	return much + " was not read: " + h.Reason
}

// statPatience is how long it may take to look at the files: a share that is down answers never.
const statPatience = 5 * time.Second

// sizesNow looks at the files that grow, as far as that is possible at once.
func sizesNow(ctx context.Context, list []sqlite.Listed, patience time.Duration) map[string]int64 {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	type file struct {
		path string
		size int64
	}
	found := make(chan file)
	go func() {
		defer close(found)
		for i := range list {
			l := &list[i]
			if !l.Plain || l.State == ingest.Gone {
				continue
			}
			fi, err := os.Stat(filepath.FromSlash(l.Path))
			if err != nil || !fi.Mode().IsRegular() {
				continue
			}
			select {
			case found <- file{l.Path, fi.Size()}:
			case <-ctx.Done():
				return
			}
		}
	}()
	sizes := map[string]int64{}
	for {
		select {
		case f, ok := <-found:
			if !ok {
				return sizes
			}
			sizes[f.path] = f.size
		case <-ctx.Done():
			return sizes
		}
	}
}

// writeCSV writes a source per line, under the names that they have in JSON.
func (r *sourcesReport) writeCSV(c *csv.Writer) error {
	_ = c.Write([]string{"path", "kind", "server", "size", "offset", "lag_bytes", "state", "why", "total", "signin", "mfa", "noise", "other", "malformed", "directive",
		"first_event", "last_event", "gaps", "unfinished", "chain", "duplicate_of"})
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	for i := range r.Sources {
		s := &r.Sources[i]
		var gaps []string
		for _, g := range s.Gaps {
			gaps = append(gaps, g.Reason)
		}
		row := []string{s.Path, s.Kind, s.Server, n(s.Size), n(s.Offset), n(s.LagBytes), s.State, s.Why, n(s.Lines.Total), n(s.Lines.SignIn), n(s.Lines.MFA), n(s.Lines.Noise),
			n(s.Lines.Other), n(s.Lines.Malformed), n(s.Lines.Directive), s.FirstEvent, s.LastEvent, strings.Join(gaps, "; "), s.Unfinished, s.Chain, s.DuplicateOf}
		for k := range row {
			row[k] = harmless(row[k])
		}
		_ = c.Write(row)
	}
	c.Flush()
	return c.Error()
}
