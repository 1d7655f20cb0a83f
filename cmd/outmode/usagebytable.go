package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/outmode/outmode/internal/signin"
)

// writeTable shows the rows, what they add up to, what is missing, and the next commands last.
func (r *groupedReport) writeTable(w io.Writer, p *paint, verbose bool) error {
	b := &strings.Builder{}
	fmt.Fprintf(b, "%s\n", p.in(bold, fmt.Sprintf("Sign-ins by %s in %s", join(r.By, ", ", " and "), cell(r.data))))
	if o := r.Options; o.Since != "" || o.Until != "" {
		var by []string
		if o.Since != "" {
			by = append(by, "from "+shortTime(o.Since))
		}
		if o.Until != "" {
			by = append(by, "before "+shortTime(o.Until))
		}
		fmt.Fprintf(b, "  filtered: %s\n", strings.Join(by, ", "))
	}
	if r.Period.From == "" {
		fmt.Fprintf(b, "  No log with an event of that time was read.\n")
	} else {
		fmt.Fprintf(b, "  %s to %s UTC\n\n", shortTime(r.Period.From), shortTime(r.Period.To))
		r.tableRows(b, p, verbose)
		s := r.SignIns
		fmt.Fprintf(b, "\n  %s = %s counted + %s told twice (%s)", plural(s.Lines, "sign-in line"), number(s.Counted), number(s.ToldTwice), byWhom(r.Coverage))
		if s.Waiting > 0 {
			fmt.Fprintf(b, " + %s waiting (for the other log of their server)", number(s.Waiting))
		}
		if s.NotKept > 0 {
			fmt.Fprintf(b, " + %s not kept by %s", number(s.NotKept), r.unit())
		}
		fmt.Fprintf(b, "\n")
	}
	if len(r.Notes) > 0 {
		fmt.Fprintf(b, "\n%s\n", p.in(bold, "What is missing, and why"))
		for _, s := range r.Notes {
			fmt.Fprintf(b, "  - %s\n", wrap(cell(s), noteWidth, "    "))
		}
	}
	fmt.Fprintf(b, "\n%s\n", p.in(bold, "Next"))
	fmt.Fprintf(b, "  outmode usage --data %s --by %s -o csv    the same rows, for a spreadsheet or a chart\n", quoted(r.data), strings.Join(r.By, ","))
	fmt.Fprintf(b, "  outmode sources --data %s    which logs were read, and from when to when\n", quoted(r.data))
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *groupedReport) tableRows(b *strings.Builder, p *paint, verbose bool) {
	timed := r.unit() != ""
	head := append(append([]string{}, r.By...), ">sign-ins", ">refused")
	if timed {
		head = append(head, "covered")
	} else {
		head = append(head, "first", "last")
	}
	t := newTable(head...)
	hidden := 0
	for i := range r.groups {
		g := &r.groups[i]
		if g.Count == 0 && len(r.by) > 1 && !verbose {
			hidden++
			continue
		}
		var row []string
		for _, c := range r.by {
			v := g.Value(c)
			if c == signin.ByHour {
				v = shortTime(v)
			}
			row = append(row, orDash(v))
		}
		row = append(row, number(g.Count), blankZero(g.Refused))
		if timed {
			row = append(row, r.Usage[i].Covered)
		} else {
			row = append(row, minute(g.First), minute(g.Last))
		}
		t.add(row...)
	}
	t.write(b, p)
	if hidden > 0 {
		fmt.Fprintf(b, "  %s with 0 not shown: -v shows them\n", plural(hidden, "row"))
	}
}
