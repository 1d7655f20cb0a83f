package main

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// differences collects what is not as it must be.
type differences struct {
	all []string
}

func (d *differences) add(format string, args ...any) {
	d.all = append(d.all, fmt.Sprintf(format, args...))
}

// shown is how many differences are printed.
const shown = 20

func (d *differences) String() string {
	var b strings.Builder
	for i, text := range d.all {
		if i == shown {
			fmt.Fprintf(&b, "  and %d more\n", len(d.all)-shown)
			break
		}
		fmt.Fprintf(&b, "  %s\n", text)
	}
	return b.String()
}

// sumUsage folds rows to keys. A POP or IMAP log does not name its server but by an address, which is one and the same.
func sumUsage(rows []usageRow, servers []server) map[key]int64 {
	sum := map[key]int64{}
	for _, r := range rows {
		sum[key{canonical(r.Server, servers), r.Dataset, r.User, r.Protocol, r.Auth, r.Outcome}] += r.Count
	}
	return sum
}

func canonical(name string, servers []server) string {
	for _, s := range servers {
		if strings.EqualFold(name, s.name) || name == s.address {
			return s.name
		}
	}
	return name
}

// compareLedger asks that every file was read to its end, every line once, and that nothing else was.
func compareLedger(d *differences, t *tally, l ledger) {
	found := map[string]*source{}
	for i := range l.Sources {
		s := &l.Sources[i]
		if found[s.Path] != nil {
			d.add("ledger: %s stands there twice: to offset %d and to offset %d", s.Path, found[s.Path].Offset, s.Offset)
		}
		found[s.Path] = s
	}
	for _, f := range t.files {
		s := found[f.path]
		if s == nil {
			d.add("ledger: %s is missing (%d lines, %d of them sign-ins, were written to it)", f.path, f.lines.Total, f.lines.SignIn)
			continue
		}
		delete(found, f.path)
		if s.Offset != f.size || s.Size != f.size {
			d.add("ledger: %s: read to %d of %d bytes, %d were written; state %q", f.path, s.Offset, s.Size, f.size, s.State)
		}
		if s.Lines != f.lines {
			d.add("ledger: %s (%s, %s): %s", f.path, s.Kind, s.State, differing(f.lines, s.Lines))
		}
		for _, g := range s.Gaps {
			d.add("ledger: %s: a gap from %v to %v: %s", f.path, g.From, g.To, g.Reason)
		}
	}
	for _, p := range sorted(found, strings.Compare) {
		d.add("ledger: %s was never written", p)
	}
}

// differing tells two counts of lines apart by their names.
func differing(written, read lines) string {
	var parts []string
	say := func(name string, w, r int64) {
		if w != r {
			parts = append(parts, fmt.Sprintf("%s: %d written, %d in the ledger (%+d)", name, w, r, r-w))
		}
	}
	say("total", written.Total, read.Total)
	say("signin", written.SignIn, read.SignIn)
	say("mfa", written.MFA, read.MFA)
	say("noise", written.Noise, read.Noise)
	say("other", written.Other, read.Other)
	say("malformed", written.Malformed, read.Malformed)
	say("directive", written.Directive, read.Directive)
	return strings.Join(parts, "; ")
}

// compareUsage asks that every sign-in counts once: exactly where no other log tells it, at most where one may.
func compareUsage(d *differences, t *tally, u *usage, servers []server) {
	got := sumUsage(u.Usage, servers)
	for _, k := range sorted(t.strong, compareKeys) {
		if want := t.strong[k]; got[k] != want {
			d.add("usage: %s: %d written, %d counted (%+d)", k, want, got[k], got[k]-want)
		}
	}
	compareExcess(d, got, t.weak, t.strong)
	if written := t.lines(); u.Lines != written {
		d.add("usage: lines: %s", differing(written, u.Lines))
	}
	if want := t.lines().SignIn; u.SignIns.Lines != want {
		d.add("usage: signins.lines: %d written, %d told", want, u.SignIns.Lines)
	}
	var rows int64
	for _, n := range got {
		rows += n
	}
	if u.SignIns.Counted != rows {
		d.add("usage: signins.counted is %d, the sum of the rows %d", u.SignIns.Counted, rows)
	}
}

// compareExcess asks that nothing is counted more often than it was written. exact are the keys that are compared
// otherwise; nil for none.
func compareExcess(d *differences, got, most, exact map[key]int64) {
	for _, k := range sorted(got, compareKeys) {
		if _, ok := exact[k]; !ok && got[k] > most[k] {
			d.add("usage: %s: %d written, %d counted (%+d)", k, most[k], got[k], got[k]-most[k])
		}
	}
}

// compareBounds is what must hold at any moment, with lines still in memory and on their way: nothing is read or counted
// that was not written.
func compareBounds(d *differences, when string, t *tally, l ledger, u *usage, servers []server) {
	var at differences
	written := map[string]*fileTally{}
	for _, f := range t.files {
		written[f.path] = f
	}
	for i := range l.Sources {
		s := &l.Sources[i]
		switch f := written[s.Path]; {
		case f == nil:
			at.add("ledger: %s was never written", s.Path)
		case s.Offset > f.size || s.Lines.Total > f.lines.Total || s.Lines.SignIn > f.lines.SignIn:
			at.add("ledger: %s: %d bytes, %d lines, %d sign-ins written; %d, %d, %d read", s.Path, f.size, f.lines.Total, f.lines.SignIn,
				s.Offset, s.Lines.Total, s.Lines.SignIn)
		}
	}
	most := map[key]int64{}
	for _, m := range []map[key]int64{t.strong, t.weak} {
		for k, n := range m {
			most[k] += n
		}
	}
	compareExcess(&at, sumUsage(u.Usage, servers), most, nil)
	for _, text := range at.all {
		d.add("%s: %s", when, text)
	}
}

// pending lists the files that are not read to their ends yet.
func pending(t *tally, l ledger) []string {
	read := map[string]int64{}
	for _, s := range l.Sources {
		read[s.Path] = s.Offset
	}
	var open []string
	for _, f := range t.files {
		if n, ok := read[f.path]; !ok || n != f.size {
			open = append(open, fmt.Sprintf("%s (%d of %d)", path.Base(f.path), n, f.size))
		}
	}
	return open
}

func sorted[K comparable, V any](m map[K]V, by func(a, b K) int) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, by)
	return keys
}

func compareKeys(a, b key) int {
	return cmp.Or(strings.Compare(a.server, b.server), strings.Compare(a.dataset, b.dataset), strings.Compare(a.user, b.user),
		strings.Compare(a.protocol, b.protocol), strings.Compare(a.auth, b.auth), strings.Compare(a.outcome, b.outcome))
}
