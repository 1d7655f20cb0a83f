package main

import (
	"fmt"
	"strings"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// addNotes says what is missing and why, and what to do about it.
func (r *report) addNotes(res *ingest.Result, problems []tail.Problem) {
	note := func(format string, args ...any) { r.Notes = append(r.Notes, fmt.Sprintf(format, args...)) }
	kinds := map[signin.Kind]bool{}
	for i := range res.Coverage {
		kinds[res.Coverage[i].Kind] = true
		noteGaps(&res.Coverage[i], other(res.Coverage, &res.Coverage[i]), note)
	}
	for _, f := range res.Folders {
		if f.Server == "" {
			note("%s: these IIS logs do not name their server (%s); if its HttpProxy logs are here too, requests may be counted twice. Add s-computername to the logged fields", f.Path, f.How)
		}
	}
	if kinds[signin.IIS] && !kinds[signin.HTTPProxy] {
		note("no HttpProxy log was read: IIS alone names the account but not how it authenticated, so that Basic is not proven. Add Logging\\HttpProxy of the Exchange installation")
	}
	for _, k := range []signin.Kind{signin.POPLog, signin.IMAPLog, signin.SMTPLog} {
		if !kinds[k] {
			note("no %s log was read: %s", strings.ToUpper(k.String()), howToLog(k))
		}
	}
	if res.Crowded > 0 {
		note("%s are in the bucket \"(other accounts)\": there are more accounts than are told apart", plural(res.Crowded, "sign-in"))
	}
	if res.Lost > 0 {
		note("%s of rules with a window were not kept: there are more groups than are told apart, and those rules may have missed something", plural(res.Lost, "count"))
	}
	for _, p := range problems {
		note("%s", p.Error())
	}
	r.noteLogs(res, note)
	for _, b := range r.Broken {
		note("rule %s is broken: %s; it judged nothing where that happened (%s)", b.Rule, b.Error, plural(b.Count, "time"))
	}
}

func howToLog(k signin.Kind) string {
	switch k {
	case signin.POPLog:
		return "POP is not logged unless Set-PopSettings -ProtocolLogEnabled $true was run; no log does not mean no use"
	case signin.IMAPLog:
		return "IMAP is not logged unless Set-ImapSettings -ProtocolLogEnabled $true was run; no log does not mean no use"
	}
	return "SMTP submission is logged only where the receive connector has ProtocolLoggingLevel Verbose; no log does not mean no use"
}

func (r *report) noteLogs(res *ingest.Result, note func(string, ...any)) {
	for i := range res.Logs {
		l := &res.Logs[i]
		switch {
		case l.Err != nil:
			note("%s: read up to byte %s: %v", l.Input.Path, number(l.Offset), l.Err)
		case l.State == ingest.Duplicate:
			note("%s: %s; counted once", l.Input.Path, l.Why)
		case l.State == ingest.NotCounted:
			note("%s: not counted: %s", l.Input.Path, l.Why)
		case float64(l.Lines.Malformed) > malformedShare*float64(l.Lines.Total):
			note("%s: %s of %s malformed: %s", l.Input.Path, number(l.Lines.Malformed), plural(l.Lines.Total, "line"), l.Causes[0].Reason)
		}
	}
}

// other finds the coverage of the log that tells of the same requests: of IIS for HttpProxy, and the
// other way round.
func other(all []ingest.Coverage, c *ingest.Coverage) *ingest.Coverage {
	kinds := map[signin.Kind]signin.Kind{signin.IIS: signin.HTTPProxy, signin.HTTPProxy: signin.IIS}
	for i := range all {
		if all[i].Server == c.Server && all[i].Kind == kinds[c.Kind] && kinds[c.Kind] != signin.UnknownKind {
			return &all[i]
		}
	}
	return nil
}

// edge is how much earlier or later the other log of a server must be for that to be said.
const edge = 2 * 60 * 60 * 1000

// noteGaps says for which hours a server's log is missing, and whether its other log makes up for it.
func noteGaps(c, twin *ingest.Coverage, note func(string, ...any)) {
	gaps := c.Gaps
	if twin != nil && twin.From < c.From-edge {
		gaps = append([]ingest.Gap{{From: twin.From, To: c.From}}, gaps...)
	}
	if twin != nil && twin.To > c.To+edge {
		gaps = append(gaps[:len(gaps):len(gaps)], ingest.Gap{From: c.To, To: twin.To})
	}
	for _, g := range gaps {
		note("%s: no %s data from %s to %s: %s", c.Server, c.Kind, minute(g.From), minute(g.To), meanwhile(c.Kind, twin, g))
	}
}

// meanwhile says what is known of a gap from the server's other log.
func meanwhile(kind signin.Kind, twin *ingest.Coverage, g ingest.Gap) string {
	if twin == nil || twin.From > g.To || twin.To < g.From {
		return "what happened then is not known"
	}
	for _, t := range twin.Gaps {
		if t.From <= g.From && t.To >= g.To {
			return "what happened then is not known"
		}
	}
	if kind == signin.HTTPProxy {
		return "IIS names who signed in then, but not how: Basic is not proven for these hours"
	}
	return "HttpProxy tells who signed in then, but not whose credentials were refused"
}
