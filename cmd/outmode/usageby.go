package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/internal/store/sqlite"
	"github.com/outmode/outmode/rules"
)

// groupedHelp is what usage --help says of --by.
const groupedHelp = `With --by it counts the sign-ins by other columns: hour or day (in UTC), and any of server dataset user protocol auth
mechanism outcome evidence traffic client internal backend, separated by commas. What was told twice and noise are
left out, as in usage rows, so the counts add up to the same sum. Refused credentials are in count, and refused says
how many. Hours are kept for 35 days, days for 400 (retention.hours, retention.days): a note says what is older.

Hours and days in which logs were read and nothing was counted have a row with 0, for all that was seen in the other
columns (unless one is user). Those of which no log was read have no row. covered says yes where every log that can
tell of the row was read, else part: "outmode sources" shows what is missing. The table shows zeros only if hour or
day is alone, or with -v.

-o json: one object: version options by (the columns) period signins (lines counted told_twice waiting not_kept; lines is
the sum of the others, counted that of usage[].count) usage (the columns, then count refused first last covered)
coverage notes. -o ndjson: a row of usage per line. -o csv: the same rows.`

// maxGroups bounds how many rows are made, those with 0 included.
const maxGroups = 100_000

// columns reads --by.
func columns(by string) (list []signin.Column, err error) {
	known := signin.Words("column")
	for word := range strings.SplitSeq(by, ",") {
		word = strings.TrimSpace(word)
		c, ok := signin.ParseColumn(word)
		switch {
		case word == "":
			return nil, usagef("--by %q names no column between its commas; write some of %s", by, join(known, ", ", " and "))
		case !ok:
			hint := ""
			if near := rules.Nearest(word, known); near != "" {
				hint = fmt.Sprintf("; did you mean %q?", near)
			}
			return nil, usagef("--by: there is no column %q%s The columns are %s", word, cmp.Or(hint, "."), join(known, ", ", " and "))
		case slices.Contains(list, c):
			return nil, usagef("--by %s: %s is there twice; once is enough", by, c)
		}
		list = append(list, c)
	}
	if slices.Contains(list, signin.ByHour) && slices.Contains(list, signin.ByDay) {
		return nil, usagef("--by %s: an hour names its day; leave out day, or hour", by)
	}
	return list, nil
}

func (f *scanFlags) runGrouped(ctx context.Context, by string, given func(string) bool) error {
	if err := f.format("table", "json", "ndjson", "csv"); err != nil {
		return err
	}
	for _, flag := range []string{"top", "rules", "no-builtin"} {
		if given(flag) {
			return usagef("--%s does not change what --by counts; leave it out", flag)
		}
	}
	list, err := columns(by)
	if err != nil {
		return err
	}
	if _, err := f.options(); err != nil {
		return err
	}
	store, err := f.readStore(ctx, f.data, sqlite.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	g, err := store.Usage(ctx, sqlite.UsageFilter{Period: sqlite.Period{From: f.from, To: f.to}}, list...)
	if err != nil {
		return err
	}
	r := newGrouped(g, list, f, time.Now())
	r.data = store.Dir()
	switch f.output {
	case "json":
		return writeJSON(f.out, r)
	case "ndjson":
		e := newEncoder(f.out)
		for i := range r.Usage {
			if err := e.Encode(&r.Usage[i]); err != nil {
				return err
			}
		}
		return nil
	case "csv":
		return r.writeCSV(csv.NewWriter(f.out))
	}
	return r.writeTable(f.out, f.painter(), f.verbose)
}

// A groupedReport is the answer of usage --by.
type groupedReport struct {
	Version  string         `json:"version"`
	Options  options        `json:"options"`
	By       []string       `json:"by"`
	Period   period         `json:"period"`
	SignIns  groupedSignIns `json:"signins"`
	Usage    []groupRow     `json:"usage"`
	Coverage []coverage     `json:"coverage"`
	Notes    []string       `json:"notes"`

	by     []signin.Column
	groups []signin.Group // of Usage
	data   string         // directory of the store
}

type groupedSignIns struct {
	signIns
	NotKept int64 `json:"not_kept"` // counted, and of a time of which such rows are not kept any more
}

// A groupRow has the columns that were asked for.
type groupRow struct {
	Hour      string  `json:"hour,omitempty"`
	Day       string  `json:"day,omitempty"`
	Server    *string `json:"server,omitempty"`
	Dataset   *string `json:"dataset,omitempty"`
	User      *string `json:"user,omitempty"`
	Protocol  *string `json:"protocol,omitempty"`
	Auth      *string `json:"auth,omitempty"`
	Mechanism *string `json:"mechanism,omitempty"`
	Outcome   *string `json:"outcome,omitempty"`
	Evidence  *string `json:"evidence,omitempty"`
	Traffic   *string `json:"traffic,omitempty"`
	Client    *string `json:"client,omitempty"`
	Internal  *bool   `json:"internal,omitempty"`
	Backend   *bool   `json:"backend,omitempty"`
	Count     int64   `json:"count"`
	Refused   int64   `json:"refused"`
	First     string  `json:"first"`
	Last      string  `json:"last"`
	Covered   string  `json:"covered,omitempty"`
}

func newGrouped(g *sqlite.Grouped, by []signin.Column, f *scanFlags, now time.Time) *groupedReport {
	r := &groupedReport{Version: version(), Options: f.said(), By: []string{}, by: by, Usage: []groupRow{}, Coverage: coverageOf(g.Coverage), Notes: []string{},
		SignIns: groupedSignIns{signIns{g.Lines, g.Counted, g.ToldTwice, g.Waiting}, g.NotKept}}
	for _, c := range by {
		r.By = append(r.By, c.String())
	}
	from, to := spanOf(g.Coverage, f.from, f.to)
	if from <= to {
		r.Period = period{rfc3339(from), rfc3339(to)}
	}
	cover := newCovered(g.Coverage, by, now)
	r.groups = g.Groups
	missing := cover.fill(&r.groups, max(from, g.KeptFrom), to)
	part := false
	for i := range r.groups {
		row := r.row(&r.groups[i], cover)
		part = part || row.Covered != "" && row.Covered != wholly
		r.Usage = append(r.Usage, row)
	}
	r.addNotes(g, f.from, missing, part)
	return r
}

// spanOf is the time that was read of a period, all logs together.
func spanOf(all []ingest.Coverage, since, until int64) (from, to int64) {
	for i := range all {
		if c := &all[i]; from == 0 || c.From < from {
			from = c.From
		}
		to = max(to, all[i].To)
	}
	if until > 0 {
		to = min(to, until-1)
	}
	return max(from, since), to
}

func (r *groupedReport) row(g *signin.Group, cover *covered) groupRow {
	row := groupRow{Count: g.Count, Refused: g.Refused, First: rfc3339(g.First), Last: rfc3339(g.Last)}
	for _, c := range r.by {
		v := g.Value(c)
		switch c {
		case signin.ByHour:
			row.Hour, row.Covered = v, cover.of(g)
		case signin.ByDay:
			row.Day, row.Covered = v, cover.of(g)
		case signin.ByServer:
			row.Server = &v
		case signin.ByDataset:
			row.Dataset = &v
		case signin.ByUser:
			row.User = &v
		case signin.ByProtocol:
			row.Protocol = &v
		case signin.ByAuth:
			row.Auth = &v
		case signin.ByMechanism:
			row.Mechanism = &v
		case signin.ByOutcome:
			row.Outcome = &v
		case signin.ByEvidence:
			row.Evidence = &v
		case signin.ByTraffic:
			row.Traffic = &v
		case signin.ByClient:
			row.Client = &v
		case signin.ByInternal:
			row.Internal = &g.Internal
		case signin.ByBackend:
			row.Backend = &g.Backend
		}
	}
	return row
}

// addNotes says what the rows do not hold, and why.
func (r *groupedReport) addNotes(g *sqlite.Grouped, since int64, missing unfilled, part bool) {
	note := func(format string, args ...any) { r.Notes = append(r.Notes, fmt.Sprintf(format, args...)) }
	unit := r.unit()
	day := func(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.DateOnly) }
	switch {
	case g.NotKept > 0 && unit == "hour":
		note("no row has the %s before %s: of that time hours are not kept any more (retention.hours). --by day has them, as far as days are kept", plural(g.NotKept, "sign-in"), day(g.KeptFrom))
	case g.NotKept > 0:
		note("no row has the %s before %s: of that time days are not kept any more (retention.days). They are in the sums over all time, without day in --by", plural(g.NotKept, "sign-in"), day(g.KeptFrom))
	case since > 0 && since < g.KeptFrom:
		note("of the time before %s no %ss are kept any more (retention.%ss): that there are no rows of it says nothing", day(g.KeptFrom), cmp.Or(unit, "day"), cmp.Or(unit, "day"))
	}
	if g.Waiting > 0 {
		note("%s: it is not known yet whether the other log of their server tells them too; that is known two hours after their hour", plural(g.Waiting, "sign-in line")+" not counted yet")
	}
	if missing.dark > 0 {
		note("of %s no log was read: there is no row of them, and that says nothing", plural(missing.dark, unit))
	}
	if missing.tooMany {
		note("rows that would count 0 are left out: with them there would be more than %s. Ask for fewer columns, or a shorter period", number(maxGroups))
	}
	noteAbsent(g.Coverage, note)
	if part {
		note("covered is \"part\" where not every log that can tell of a row was read for all of its %s: \"outmode sources\" shows which, and when", unit)
	}
}

// unit is the column of time, "" without one.
func (r *groupedReport) unit() string {
	for _, c := range r.by {
		if c == signin.ByHour || c == signin.ByDay {
			return c.String()
		}
	}
	return ""
}

// writeCSV writes the rows under the names that they have in JSON.
func (r *groupedReport) writeCSV(c *csv.Writer) error {
	head := append(slices.Clone(r.By), "count", "refused", "first", "last")
	timed := r.unit() != ""
	if timed {
		head = append(head, "covered")
	}
	_ = c.Write(head)
	for i := range r.groups {
		g := &r.groups[i]
		var row []string
		for _, column := range r.by {
			row = append(row, harmless(g.Value(column)))
		}
		row = append(row, strconv.FormatInt(g.Count, 10), strconv.FormatInt(g.Refused, 10), rfc3339(g.First), rfc3339(g.Last))
		if timed {
			row = append(row, r.Usage[i].Covered)
		}
		_ = c.Write(row)
	}
	c.Flush()
	return c.Error()
}
