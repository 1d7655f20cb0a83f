package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// addNotes says what is missing and why, and what to do about it: first what could not be read, then
// the hours and servers of which there is no log, then what nothing can be said of.
func (r *report) addNotes(res *ingest.Result, problems []tail.Problem, f *scanFlags) {
	note := func(format string, args ...any) { r.Notes = append(r.Notes, fmt.Sprintf(format, args...)) }
	told := map[string]bool{}
	for _, p := range problems {
		told[p.Path] = true
		note("%s", p.Error())
	}
	noteUnread(res, told, note)
	f.excluded(note)
	for i := range res.Coverage {
		c := &res.Coverage[i]
		for _, g := range allGaps(c, twin(res.Coverage, c)) {
			note("%s: no %s data from %s to %s: %s", c.Server, c.Kind, minute(g.From), minute(g.To), g.Reason)
		}
	}
	for _, f := range res.Folders {
		if f.Server == "" {
			note("%s: these IIS logs do not name their server (%s); if its HttpProxy logs are here too, requests may be counted twice. Add s-computername to the logged fields", f.Path, f.How)
		}
	}
	noteUnproven(res, note)
	noteAbsent(res.Coverage, note)
	noteClouds(res, note)
	noteUndated(res.Undated, note)
	if res.Crowded > 0 {
		note("%s are in the bucket \"(other accounts)\": there are more accounts, or more ways in which they were refused, than are told apart", plural(res.Crowded, "sign-in"))
	}
	if res.Lost > 0 {
		note("%s of rules with a window were not kept: there are more groups than are told apart, and those rules may have missed something", plural(res.Lost, "count"))
	}
	for _, b := range r.Broken {
		note("rule %s is broken: %s; it judged nothing where that happened (%s)", b.Rule, b.Error, plural(b.Count, "time"))
	}
	noteUncounted(res, note)
}

// noteUnread says which logs were not read to their end, or not understood.
func noteUnread(res *ingest.Result, told map[string]bool, note func(string, ...any)) {
	for i := range res.Logs {
		switch l := &res.Logs[i]; {
		case l.Err != nil && l.Offset == 0 && l.State == ingest.Unreadable:
			if !told[l.Input.Path] {
				note("%s: %s", l.Input.Path, unreadFrom(l.Input.Path, 0, l.Err.Error()))
			}
		case l.Err != nil:
			note("%s: read up to byte %s: %s", l.Input.Path, number(l.Offset), strings.TrimPrefix(l.Err.Error(), l.Input.Path+": "))
		case float64(l.Lines.Malformed) > malformedShare*float64(l.Lines.Total):
			note("%s: %s of %s malformed: %s", l.Input.Path, number(l.Lines.Malformed), plural(l.Lines.Total, "line"), l.Causes[0].Reason)
		}
	}
}

// noteUncounted says which files are no logs, or were met before. Many of one sort are one note.
func noteUncounted(res *ingest.Result, note func(string, ...any)) {
	byReason := map[string][]string{}
	for i := range res.Logs {
		switch l := &res.Logs[i]; {
		case l.Err != nil:
		case l.State == ingest.Duplicate:
			note("%s: %s; counted once", l.Input.Path, l.Why)
		case l.State == ingest.NotCounted:
			byReason[l.Why] = append(byReason[l.Why], l.Input.Path)
		}
	}
	for _, why := range slices.SortedFunc(maps.Keys(byReason), func(a, b string) int { return strings.Compare(byReason[a][0], byReason[b][0]) }) {
		if files := byReason[why]; len(files) == 1 {
			note("%s: not counted: %s", files[0], why)
		} else {
			note("%s not counted: %s: %s", plural(len(files), "file"), some(files), why)
		}
	}
}

// noteUnproven says of which sign-ins the logs do not say how, server by server.
func noteUnproven(res *ingest.Result, note func(string, ...any)) {
	type open struct {
		count     int64
		protocols uint32
	}
	servers := map[string]*open{}
	for i := range res.Usage {
		u := &res.Usage[i]
		if u.Kind != signin.IIS || u.Outcome != signin.Success || u.Auth != signin.UnknownAuth || u.Backend {
			continue
		}
		if servers[u.Server] == nil {
			servers[u.Server] = &open{}
		}
		servers[u.Server].count += u.Count
		servers[u.Server].protocols |= 1 << u.Protocol
	}
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		o := servers[name]
		note("%s: of %s on %s IIS alone tells, which names the account but not how it authenticated: that may be Basic. Add Logging\\HttpProxy of that server for these hours, or let IIS log AUTH_TYPE",
			orDash(name), plural(o.count, "sign-in"), join(words(o.protocols, "protocol"), ", ", " and "))
	}
}

// noteAbsent says which servers gave no log of a kind that others give, or that every server can give.
func noteAbsent(all []ingest.Coverage, note func(string, ...any)) {
	has := map[string]map[signin.Kind]bool{}
	for i := range all {
		if all[i].Kind.Gateway() {
			continue // it is no server of Exchange
		}
		if has[all[i].Server] == nil {
			has[all[i].Server] = map[signin.Kind]bool{}
		}
		has[all[i].Server][all[i].Kind] = true
	}
	for _, k := range []signin.Kind{signin.HTTPProxy, signin.IIS, signin.POPLog, signin.IMAPLog, signin.SMTPLog} {
		var without []string
		for _, server := range slices.Sorted(maps.Keys(has)) {
			if !has[server][k] {
				without = append(without, server)
			}
		}
		if len(without) > 0 {
			note("no %s log of %s was read: %s", kindName(k), some(without), withoutIt(k))
		}
	}
}

// noteUndated says what lines without a time tell of second factors, and what to do about it.
func noteUndated(all []ingest.UndatedFactor, note func(string, ...any)) {
	for len(all) > 0 {
		kind, lines := all[0].Kind, int64(0)
		var said []string
		for ; len(all) > 0 && all[0].Kind == kind; all = all[1:] {
			lines += all[0].Lines
			said = append(said, undatedWords(&all[0]))
		}
		note("%s of %s tell of a second factor and have no time: no sign-in can be joined with them. Let what collects the log write the time before each line (docs/mfa.md). They tell of: %s",
			plural(lines, "line"), kindName(kind), strings.Join(said, "; "))
	}
}

// undatedWords says what lines of one outcome tell: of how many people, and of which paths and failures.
func undatedWords(u *ingest.UndatedFactor) string {
	count := func(n ingest.Names, thing string) string {
		words := plural(len(n.All), thing)
		if n.More {
			return "more than " + words
		}
		return words + ": " + some(n.All)
	}
	if u.Outcome == signin.NoFactor {
		what, _, _ := strings.Cut(u.Reasons.All[0], ", but ")
		return number(u.Lines) + " " + what
	}
	words := fmt.Sprintf("%s %s", number(u.Lines), strings.ReplaceAll(u.Outcome.String(), "_", " "))
	if len(u.Users.All) > 0 {
		words += ", " + count(u.Users, "user")
	}
	switch u.Outcome {
	case signin.FactorBypassed:
		words += ", " + count(u.Reasons, "path") + ", let through without a second factor"
	case signin.FactorError:
		for i, r := range u.Reasons.All {
			if u.Kind == signin.Monosign && r == "0" {
				u.Reasons.All[i] = "0, its API could not be reached"
			}
		}
		words += ", " + count(u.Reasons, "reason")
	}
	return words
}

// noteClouds says which sign-ins to the cloud may be counted more than once.
func noteClouds(res *ingest.Result, note func(string, ...any)) {
	logs := 0
	for i := range res.Logs {
		if l := &res.Logs[i]; l.Format.Kind.Cloud() && l.Lines.SignIn > 0 {
			logs++
		}
	}
	if res.Unshared > 0 && logs > 1 {
		note("%s to Exchange Online without an id (correlationId, InterSystemsId or Activity ID) by which another log would name the same one: if it is in several logs, it is counted from each",
			plural(res.Unshared, "sign-in"))
	}
}

func kindName(k signin.Kind) string {
	switch k {
	case signin.IIS:
		return "IIS"
	case signin.HTTPProxy:
		return "HttpProxy"
	case signin.Entra:
		return "Entra"
	case signin.ADFSLog:
		return "AD FS"
	case signin.Monosign:
		return "Monosign"
	}
	return strings.ToUpper(k.String())
}

// withoutIt is what cannot be said without that log, and how to get it.
func withoutIt(k signin.Kind) string {
	switch k {
	case signin.HTTPProxy:
		return "only it says how somebody signed in over HTTP. It lies in Logging\\HttpProxy of the Exchange installation"
	case signin.IIS:
		return "only it says whose credentials were refused over HTTP. It lies in inetpub\\logs\\LogFiles\\W3SVC1"
	case signin.POPLog:
		return "POP is not logged unless Set-PopSettings -ProtocolLogEnabled $true was run; no log does not mean no use"
	case signin.IMAPLog:
		return "IMAP is not logged unless Set-ImapSettings -ProtocolLogEnabled $true was run; no log does not mean no use"
	}
	return "SMTP submission is logged only where the receive connector has ProtocolLoggingLevel Verbose; no log does not mean no use"
}

// twin finds the coverage of the log that tells of the same requests: of IIS for HttpProxy, and the
// other way round.
func twin(all []ingest.Coverage, c *ingest.Coverage) *ingest.Coverage {
	kinds := map[signin.Kind]signin.Kind{signin.IIS: signin.HTTPProxy, signin.HTTPProxy: signin.IIS}
	for i := range all {
		if all[i].Server == c.Server && all[i].Kind == kinds[c.Kind] && kinds[c.Kind] != signin.UnknownKind {
			return &all[i]
		}
	}
	return nil
}

// edge is how much earlier or later the other log of a server must be for that to be a gap.
const edge = 2 * 60 * 60 * 1000

// allGaps are the periods in which a server's log is missing, those included in which only its other
// log was heard; and whether that makes up for it.
func allGaps(c, twin *ingest.Coverage) []ingest.Gap {
	gaps := slices.Clone(c.Gaps)
	if twin != nil && twin.From < c.From-edge {
		gaps = append(gaps, ingest.Gap{From: twin.From, To: c.From})
	}
	if twin != nil && twin.To > c.To+edge {
		gaps = append(gaps, ingest.Gap{From: c.To, To: twin.To})
	}
	slices.SortFunc(gaps, func(a, b ingest.Gap) int { return cmp.Compare(a.From, b.From) })
	for i := range gaps {
		gaps[i].Reason = meanwhile(c.Kind, twin, gaps[i])
	}
	return gaps
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
