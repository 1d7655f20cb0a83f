package mfa

import (
	"bytes"

	"github.com/outmode/outmode/internal/signin"
)

// nps tells what the events of the NPS extension for Entra MFA mean, from the English text that it writes everywhere:
//
//	NPS Extension for Azure MFA: CID: <guid> : Access Accepted for user <name> with Azure MFA response: <word> and message: <text>
//	... Access Rejected for user ...
//	... Challenge requested in Authentication Ext for User <name> ...
//	... Exception in Authentication Ext for User <name> :: ErrorCode:: ...
//	NPS Extension for Azure MFA: NPS Extension for Azure MFA only performs Secondary Auth for Radius requests in
//	AccessAccept State. Request received for User <name> with response state <word>, ignoring request.
//
// The extension's own name stands before a text once or twice. The user's is what somebody typed. It may hold the words
// that follow on it: then there is no telling where it ends, and neither name nor response are read. Source: Microsoft,
// "Integrate your existing NPS infrastructure with Microsoft Entra multifactor authentication" and "Resolve error messages
// from the NPS extension".
type nps struct {
	options *Options
	word    []byte
}

// npsOutcomes are by "accepted" or "rejected" and the response, in lower case. Any other rejection is "rejected"; any other
// acceptance is unknown.
var npsOutcomes = table{
	"accepted success":        signin.FactorPassed,
	"accepted usernotfound":   signin.FactorBypassed, // REQUIRE_USER_MATCH=FALSE
	"rejected":                signin.FactorDenied,
	"challenge":               signin.FactorInfo,
	"ignored accessreject":    signin.FirstFactorFailed,
	"ignored accesschallenge": signin.FactorInfo,
	"exception":               signin.FactorError,
}

const (
	npsName  = "NPS Extension for Azure MFA"
	noteNPS  = "an event of the NPS extension that tells of nobody's second factor"
	noteName = "the name that was typed holds words of the event: neither it nor the response can be read"
)

func (n *nps) forget() {}

func (n *nps) outcome(words ...[]byte) signin.FactorOutcome {
	n.word = n.word[:0]
	for i, w := range words {
		if i > 0 {
			n.word = append(n.word, ' ')
		}
		n.word = appendLower(n.word, w)
	}
	return n.options.outcome(signin.NPS, npsOutcomes, n.word)
}

// tell implements teller.
func (n *nps) tell(d *winDecoder, f *signin.Facts) {
	f.Note = noteNPS
	if p := d.ev.provider; p != nil && !contains(p, "azuremfa") {
		f.Note = noteProgram
		return
	}
	d.texts(npsName, func(text []byte) bool { return !n.read(d, f, text) })
}

// read reads a text of the extension's, and reports whether it is one of those that tell of a person.
func (n *nps) read(d *winDecoder, f *signin.Facts, text []byte) bool {
	d.more = append(d.more[:0], text...) // Format-List breaks long lines
	text = bytes.TrimSpace(oneLine(d.more))
	text, ok := bytes.CutPrefix(text, []byte(npsName))
	if !ok {
		return false
	}
	text = npsUnnamed(text)
	var id []byte
	if rest, ok := bytes.CutPrefix(text, []byte("CID:")); ok {
		rest = bytes.TrimLeft(rest, " ")
		if len(rest) >= 36 {
			id, text = guid(rest[:36]), npsUnnamed(rest[36:])
		}
	}
	var user, response []byte
	clear := true
	outcome := signin.NoFactor
	switch {
	case cut(&text, "Access Accepted for user "):
		user, response, clear = npsPerson(text, " with Azure MFA response: ", " and message:")
		outcome = n.outcome([]byte("accepted"), response)
	case cut(&text, "Access Rejected for user "):
		user, response, clear = npsPerson(text, " with Azure MFA response: ", " and message:")
		if outcome = n.outcome([]byte("rejected"), response); outcome == signin.FactorUnknown {
			outcome = n.outcome([]byte("rejected"))
		}
	case cut(&text, "Challenge requested in Authentication Ext for User "), cut(&text, "Challenge requested in Authentication extension for the user "):
		user, _, _ = bytes.Cut(text, []byte(" with state "))
		user = bytes.TrimSuffix(bytes.TrimSpace(user), []byte("."))
		outcome = n.outcome([]byte("challenge"))
	case cut(&text, "Exception in Authentication Ext for User "):
		user, response, clear = npsPerson(text, " :: ErrorCode:: ", " ")
		outcome = n.outcome([]byte("exception"))
	case cut(&text, "only performs Secondary Auth for Radius requests in AccessAccept State. Request received for User "):
		user, response, clear = npsPerson(text, " with response state ", ", ignoring request")
		outcome = n.outcome([]byte("ignored"), response)
	default:
		return false
	}
	f.Note = ""
	if !clear {
		user, response, f.Note = nil, nil, noteName
	}
	m := d.event(f, outcome)
	m.User, m.Reason, m.Transaction = spoken(user), spoken(response), id
	f.Account, f.RequestID = m.User, id
	return true
}

// npsUnnamed returns a text behind a colon, and behind the name of the extension where that stands again.
func npsUnnamed(text []byte) []byte {
	text = bytes.TrimLeft(text, ": ")
	return bytes.TrimLeft(bytes.TrimPrefix(text, []byte(npsName)), ": ")
}

// npsPerson splits "name<before>response<behind>". It reports false where before stands twice.
func npsPerson(text []byte, before, behind string) (user, response []byte, ok bool) {
	user, rest, ok := bytes.Cut(text, []byte(before))
	if !ok || bytes.Contains(rest, []byte(before)) {
		return nil, nil, false
	}
	response, _, _ = bytes.Cut(rest, []byte(behind))
	return user, bytes.TrimSpace(response), true
}

// cut takes a prefix off a text.
func cut(text *[]byte, prefix string) bool {
	rest, ok := bytes.CutPrefix(*text, []byte(prefix))
	if ok {
		*text = rest
	}
	return ok
}
