package mfa

import (
	"bytes"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// The values of the JSON behind a result, by the place of their paths.
const (
	monoMessage = iota
	monoInternal
	monoCode
	monoSuccess
)

// monosign decodes the log of Monosign's IIS module for Exchange:
//
//	[CONTOSO\anna] Mfa result is Forbidden {"Message":"...","Code":22,"Success":false}
//
// Before the bracket there may be what a logger writes first: see monoPrefix. The module is not known to write a time: a
// line that has none is an event that is counted by what it says, and joined with no sign-in.
//
// Source: Monofor, "Microsoft Exchange - OWA - MFA", which prints lines without a time; nothing else about the file is public.
type monosign struct {
	options *Options
	clock   monoClock
	json    *picker
	words   scribe
	event   signin.MFAFacts
}

func newMonosign(o *Options) *monosign {
	return &monosign{options: o, clock: newMonoClock(o, anyOrder), json: newPicker("Message", "InternalMessage", "Code", "Success")}
}

// Header implements [ingest.Decoder]: there is none.
func (d *monosign) Header() []byte { return nil }

// Reset implements [ingest.Decoder]: every line stands alone.
func (d *monosign) Reset([]byte) {}

// The remarks on lines of Monosign. A line without a time tells what it tells all the same.
const (
	noteMonoOther    = "a line of Monosign's log that tells of no second factor"
	noteMonoPassed   = "a second factor that was given, but the line has no time and is joined with no sign-in: let what collects the log write the time before each line"
	noteMonoDenied   = "a second factor that was refused, but the line has no time and is joined with no sign-in: let what collects the log write the time before each line"
	noteMonoError    = "Monosign could not be asked, but the line has no time and is joined with no sign-in: let what collects the log write the time before each line"
	noteMonoBypassed = "a path that was let through without a second factor, but the line has no time and is joined with no sign-in: let what collects the log write the time before each line"
	noteMonoInfo     = "a step before a second factor, or a page that needs none; the line has no time"
	noteMonoUnknown  = "an answer of Monosign that is not known, and the line has no time: let what collects the log write the time before each line"
)

// undatedNote says of a line without a time what it tells of.
func undatedNote(o signin.FactorOutcome) string {
	switch o {
	case signin.FactorPassed:
		return noteMonoPassed
	case signin.FactorDenied:
		return noteMonoDenied
	case signin.FactorError:
		return noteMonoError
	case signin.FactorBypassed:
		return noteMonoBypassed
	case signin.FactorInfo:
		return noteMonoInfo
	}
	return noteMonoUnknown
}

// Decode implements [ingest.Decoder].
func (d *monosign) Decode(line []byte, f *signin.Facts) ingest.Decoded {
	*f = signin.Facts{Kind: signin.Monosign}
	d.words.clear()
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return ingest.Blank
	}
	m, ok := monoSplit(&d.clock, line)
	f.Time = m.at
	if !ok {
		f.Note = noteMonoOther
		if m.at == 0 {
			return ingest.Other
		}
		return ingest.Facts
	}
	d.event = signin.MFAFacts{Time: m.at, User: present(m.user)}
	switch m.step {
	case monoAsked, monoFactor:
		d.result(&m)
	case monoLet:
		d.whiteListed(m.rest)
	}
	f.MFA = &d.event
	if m.at == 0 {
		f.Note = undatedNote(d.event.Outcome)
		return ingest.Undated
	}
	return ingest.Facts
}

// result judges what Monosign's API answered: to the question who a user is, or for a second factor. The status is that
// of HTTP, by name, or 0 where the API could not be reached; what it was asked for, the JSON behind it says, and nobody
// passes without it.
func (d *monosign) result(m *monoLine) {
	e := &d.event
	status, answer := m.rest, []byte(nil)
	if end := bytes.IndexAny(status, " {"); end >= 0 {
		status, answer = status[:end], bytes.TrimSpace(status[end:])
	}
	e.Outcome, e.Reason = signin.FactorUnknown, present(status)
	if len(answer) == 0 {
		e.Outcome = d.options.outcome(signin.Monosign, monoStatus, d.words.lower(status))
		return
	}
	if d.json.pick(answer) != nil {
		return
	}
	for _, i := range [...]int{monoMessage, monoInternal} { // the second says more
		if b := present(d.json.text(i)); b != nil {
			e.Reason = b
		}
	}
	code, coded := d.code()
	if is := d.options.outcome(signin.Monosign, monoCodes, code); coded && is != signin.FactorUnknown && string(d.json.text(monoSuccess)) != "true" {
		e.Outcome = is
		return
	}
	switch string(d.json.text(monoSuccess)) {
	case "true":
		switch {
		case !isWord(status, "ok"): // the two contradict each other
		case m.step == monoFactor:
			e.Outcome = signin.FactorPassed
		default:
			e.Outcome = signin.FactorInfo
		}
	case "false":
		if m.step == monoFactor && isWord(status, "forbidden") {
			e.Outcome = signin.FactorDenied
		}
	}
}

// code returns the code of an answer as a word of the operator's table: code_22.
func (d *monosign) code() ([]byte, bool) {
	if d.json.values[monoCode] == nil {
		return nil, false
	}
	if _, ok := d.json.number(monoCode); !ok {
		return nil, false
	}
	from := len(d.words.text)
	d.words.text = append(append(d.words.text, "code_"...), d.json.text(monoCode)...)
	return d.words.since(from), true
}

// monoStatus are the statuses that say all there is to know by themselves.
var monoStatus = table{"0": signin.FactorError}

// monoCodes are the codes of answers that were printed somewhere: the application's key is wrong, and the user is not
// assigned to the application.
var monoCodes = table{"code_12": signin.FactorError, "code_22": signin.FactorDenied}

// whiteListed judges a path that was let through. What the logon page is made of is let through for everybody, before
// anybody is known. A user is known to the module who has signed in: what is let through for one, or lies elsewhere, went
// past the second factor. But the page of an error is where the module's own refusal sends a browser. The query, which
// may hold anything, is left out.
func (d *monosign) whiteListed(path []byte) {
	if end := bytes.IndexAny(path, "?#"); end >= 0 {
		path = path[:end]
	}
	path = present(path)
	e := &d.event
	e.Reason = path
	word := d.words.lower(path)
	if is := d.options.outcome(signin.Monosign, nil, word); is != signin.FactorUnknown {
		e.Outcome = is
		return
	}
	e.Outcome = signin.FactorBypassed
	switch {
	case len(word) == 0 || word[0] != '/' || bytes.ContainsAny(word, " ]"): // no path: a name may have been written like a line
		e.Outcome = signin.FactorUnknown
	case string(word) == "/owa/auth/errorfe.aspx":
		e.Outcome = signin.FactorInfo
	case e.User == nil && bytes.HasPrefix(word, []byte("/owa/auth/")) && !bytes.Contains(word, []byte("..")) && !bytes.ContainsAny(word, `%\;`):
		e.Outcome = signin.FactorInfo
	}
}

// A monoStep is what a line of Monosign tells of.
type monoStep uint8

const (
	monoAsked  monoStep = iota // who a user is
	monoFactor                 // a second factor
	monoLet                    // a path that needs none
)

var monoSteps = [...]string{monoAsked: "By-username result is ", monoFactor: "Mfa result is ", monoLet: "White listed: "}

// A monoLine is what a line of Monosign holds.
type monoLine struct {
	at   int64 // 0 where it has no time
	user []byte
	step monoStep
	rest []byte
}

// monoSplit takes a line apart; false if it is none of the three. The time is that of a line which is none, too.
// A line is one of the three by what stands first on it: names and paths are as typed, and hold what they will.
func monoSplit(c *monoClock, line []byte) (m monoLine, ok bool) {
	var p monoPrefix
	for {
		line = bytes.TrimLeft(line, " \t|-:,")
		if m.begin(line) {
			m.at = p.at
			return m, true
		}
		rest := p.take(c, line)
		if rest == nil {
			m.at = p.at
			return m, false
		}
		line = rest
	}
}

// begin reads a line without what stands before the user.
func (m *monoLine) begin(line []byte) bool {
	end := bytes.Index(line, []byte("] "))
	if end < 0 || line[0] != '[' {
		return false
	}
	for i, begin := range monoSteps {
		if rest, is := bytes.CutPrefix(line[end+len("] "):], []byte(begin)); is {
			m.user, m.step, m.rest = line[1:end], monoStep(i), rest
			return true
		}
	}
	return false
}
