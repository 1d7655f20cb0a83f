package mfa

import (
	"bytes"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// The values of Duo's records, by the place of their paths.
const (
	duoStream     = iota // which log: written by Duo's API client and by DuoLogSync
	duoType              // v2: authentication or enrollment
	duoHost              // of the API, which names the tenant
	duoUser              // v2
	duoName              // v1; of the administrator log the administrator
	duoAlias             // v2
	duoMail              // v2
	duoAppKey            // v2
	duoAppName           // v2
	duoApp               // v1
	duoClient            // v2
	duoIP                // v1
	duoFactor            //
	duoReason            //
	duoResult            //
	duoISO               //
	duoTime              // seconds, or what other programs made of them
	duoTS                // ISO, of newer logs
	duoSurfaced          // milliseconds, of Trust Monitor
	duoTxid              // v2
	duoEnrollment        // v1
	duoAction            // administrator log
	duoObject            // administrator log
	duoDetail            // administrator log: JSON, mostly in a string
	duoActivity          // activity log
	duoTelephony         // telephony log v2
	duoMoreSecure        // v2: the attacks that Duo sees in a push, and those for which it remembers no device
	duoRemember          // v2
)

func duoPicker() *picker {
	return newPicker("eventtype", "event_type", "host", "user.name", "username", "alias", "email", "application.key", "application.name", "integration",
		"access_device.ip", "ip", "factor", "reason", "result", "isotimestamp", "timestamp", "ts", "surfaced_timestamp", "txid", "new_enrollment",
		"action", "object", "description", "activity_id", "telephony_id",
		"adaptive_trust_assessments.more_secure_auth.detected_attack_detectors", "adaptive_trust_assessments.remember_me.detected_attack_detectors")
}

// duo decodes what Duo's Admin API and DuoLogSync give: authentication logs v1 and v2, the administrator log, and as
// DuoLogSync mixes its streams in one file, records of its other logs. One decoder reads all of them, as JSON and as CEF:
// a file may hold any mixture, and the Kind of the facts is that of the record.
//
// Source: Duo's Admin API documentation; duosecurity/duo_log_sync, duosecurity/duo_client_python.
type duo struct {
	options *Options
	kind    signin.Kind // of the file
	json    *picker
	detail  *picker
	times   calendar
	words   scribe
	event   signin.MFAFacts
}

func newDuo(o *Options, kind signin.Kind) *duo {
	return &duo{options: o, kind: kind, json: duoPicker(), detail: newPicker("status")}
}

// Header implements [ingest.Decoder]: there is none.
func (d *duo) Header() []byte { return nil }

// Reset implements [ingest.Decoder]: every record stands alone.
func (d *duo) Reset([]byte) {}

// The remarks on records of Duo.
const (
	noteNoTime      = "it has no time that can be read"
	noteTelephony   = "Duo's telephony log: messages and calls that were paid for, no second factor"
	noteOffline     = "Duo's offline log: who enrolled for signing in without a network, no second factor"
	noteTrust       = "Duo Trust Monitor: what it found remarkable, no second factor; the authentications are in the authentication log"
	noteActivity    = "Duo's activity log: give the administrator log to learn who opened a bypass, and the authentication log for second factors"
	noteDuoStream   = "a log of Duo's that tells of no second factor"
	noteDuoUnknown  = "a JSON record that is none of Duo's: it names no log, no result and no action"
	noteCEFTwice    = "CEF without escapes, and a key stands in it twice: what it says cannot be known"
	noteCEFCut      = "a CEF line that lacks what all lines of DuoLogSync have"
	noteNoDuo       = "neither JSON nor CEF of DuoLogSync"
	noteAdminOther  = "an administrator's action that opens no bypass and weakens nothing"
	noteAdminAction = "an administrator's record without an action"
)

// Decode implements [ingest.Decoder].
func (d *duo) Decode(record []byte, f *signin.Facts) ingest.Decoded {
	*f = signin.Facts{Kind: d.kind}
	d.words.clear()
	record = bytes.TrimSpace(record)
	if len(record) == 0 {
		return ingest.Blank
	}
	if record[0] != '{' {
		return d.cef(record, f)
	}
	if err := d.json.pick(record); err != nil {
		return unread(f, err.Error())
	}
	switch log, note := d.log(); log {
	case duoAuth:
		return d.auth(f)
	case duoAdmin:
		return d.admin(f)
	case duoOther:
		return d.other(f, note)
	}
	return unread(f, noteDuoUnknown)
}

// A duoLog is which of Duo's logs a record is of.
type duoLog uint8

const (
	duoNone duoLog = iota
	duoAuth
	duoAdmin
	duoOther
)

// log says of which log a record is: by its word, else by its values.
func (d *duo) log() (duoLog, string) {
	if stream := d.json.text(duoStream); len(stream) > 0 {
		return duoStreamOf(stream)
	}
	has := func(i int) bool { return d.json.values[i] != nil }
	switch {
	case has(duoActivity):
		return duoOther, noteActivity
	case has(duoTelephony):
		return duoOther, noteTelephony
	case has(duoResult), has(duoTxid), has(duoType) && has(duoFactor):
		return duoAuth, ""
	case has(duoAction) && (has(duoISO) || has(duoTime)):
		return duoAdmin, ""
	case has(duoSurfaced):
		return duoOther, noteTrust
	}
	return duoNone, ""
}

// duoStreamOf reads the word that Duo's API client or DuoLogSync put on a record.
func duoStreamOf(stream []byte) (duoLog, string) {
	switch {
	case isWord(stream, "auth_log"), isWord(stream, "authentication"), isWord(stream, "auth"), isWord(stream, "enrollment"):
		return duoAuth, ""
	case isWord(stream, "admin_log"), isWord(stream, "administrator"), isWord(stream, "adminaction"):
		return duoAdmin, ""
	case hasPrefixFold(stream, "telephony"):
		return duoOther, noteTelephony
	case hasPrefixFold(stream, "offline"):
		return duoOther, noteOffline
	case hasPrefixFold(stream, "trust"):
		return duoOther, noteTrust
	case hasPrefixFold(stream, "activity"):
		return duoOther, noteActivity
	}
	return duoOther, noteDuoStream
}

// when reads the time of a record: the one with fractions first. What other programs wrote for Duo's seconds is UTC too.
func (d *duo) when() (int64, bool) {
	for _, i := range [...]int{duoISO, duoTS, duoTime, duoSurfaced} {
		b := bytes.TrimSpace(d.json.text(i))
		if ms, rest, _, ok := d.times.read(b, nil); ok && len(rest) == 0 {
			return ms, true
		}
		if ms, ok := epoch(b); ok {
			return ms, true
		}
	}
	return 0, false
}

// other is a record of a log that tells of no second factor. Not each of them has a time.
func (d *duo) other(f *signin.Facts, note string) ingest.Decoded {
	f.Note = note
	var ok bool
	if f.Time, ok = d.when(); !ok {
		return ingest.Other
	}
	f.Server = present(d.json.text(duoHost))
	return ingest.Facts
}

// auth is a record of the authentication log.
func (d *duo) auth(f *signin.Facts) ingest.Decoded {
	f.Kind = signin.Duo
	var ok bool
	if f.Time, ok = d.when(); !ok {
		return unread(f, noteNoTime)
	}
	p := d.json
	f.Server = present(p.text(duoHost))
	factor, reason := d.words.word(p.text(duoFactor)), d.words.word(p.text(duoReason))
	d.event = signin.MFAFacts{
		Time: f.Time, User: d.user(), Application: d.first(duoAppKey, duoAppName, duoApp), Address: bareHost(d.first(duoClient, duoIP)),
		Factor: factor, Reason: reason, Gateway: f.Server, Transaction: present(p.text(duoTxid)),
	}
	enrollment := isWord(p.text(duoType), "enrollment") || isWord(p.text(duoStream), "enrollment")
	d.event.Outcome = d.judge(enrollment, present(p.text(duoResult)), factor, reason, duoFactors)
	if refused(d.event.Outcome) && d.marked() {
		d.event.Outcome = signin.FactorFraud
	}
	f.MFA = &d.event
	return ingest.Facts
}

// marked reports whether Duo says of a request that the person marked such requests as fraud. Of one that was approved it
// tells of another request.
func (d *duo) marked() (is bool) {
	for _, i := range [...]int{duoMoreSecure, duoRemember} {
		if d.json.values[i] != nil {
			each(d.json.json(i), func(word []byte) bool {
				is = isWord(bytes.Trim(word, `"`), "user_marked_fraud")
				return !is
			})
		}
		if is {
			break
		}
	}
	return is
}

func (d *duo) first(values ...int) []byte {
	for _, i := range values {
		if b := present(d.json.text(i)); b != nil {
			return b
		}
	}
	return nil
}

// user names the person: by user name, then by the alias that was typed, then by mail. Of the last two, "none" and
// "unknown" mean that there is none.
func (d *duo) user() []byte {
	if b := d.first(duoUser, duoName); b != nil {
		return b
	}
	for _, i := range [...]int{duoAlias, duoMail} {
		if b := present(d.json.text(i)); b != nil && !isWord(b, "none") && !isWord(b, "unknown") {
			return b
		}
	}
	return nil
}

// judge turns result, factor and reason into an outcome. A success is no pass by itself: six reasons for one have no
// second factor in them. What a reason says counts only with the result that it belongs to.
func (d *duo) judge(enrollment bool, result, factor, reason []byte, factors table) signin.FactorOutcome {
	if o := d.options.Outcomes; o != nil {
		if is, ok := o(signin.Duo, string(reason)); ok && len(reason) > 0 {
			return is
		}
	}
	success := isWord(result, "success")
	if enrollment && (success || len(result) == 0) {
		return signin.FactorEnrolled
	}
	why := signin.FactorUnknown
	if len(reason) > 0 {
		why = d.options.outcome(signin.Duo, duoReasons, reason)
	}
	switch {
	case success:
		by := d.options.outcome(signin.Duo, factors, factor)
		switch {
		case by == signin.FactorHelpdeskCode, len(reason) == 0, by != signin.FactorUnknown && why == signin.FactorPassed:
			return by
		case why == signin.FactorPassed, why == signin.FactorRemembered, why == signin.FactorBypassed:
			return why
		}
	case isWord(result, "fraud"):
		return signin.FactorFraud
	case isWord(result, "denied"), isWord(result, "failure"), isWord(result, "error"):
		switch why {
		case signin.FactorDenied, signin.FactorFraud, signin.FactorTimeout, signin.FactorError:
			return why
		}
		if isWord(result, "error") {
			return signin.FactorError
		}
		return signin.FactorDenied
	}
	return signin.FactorUnknown
}
