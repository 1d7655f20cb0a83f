package mfa

import (
	"bytes"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// The values of an event of Okta's System Log, by the place of their paths.
const (
	oktaID = iota
	oktaTime
	oktaEvent
	oktaActorType
	oktaActor
	oktaActorName
	oktaClient
	oktaResult
	oktaReason
	oktaTargets
	oktaFactor
	oktaIntent // of a factor: to sign in, to enroll, to recover an account
	oktaCredential
)

func oktaPicker() *picker {
	return newPicker("uuid", "published", "eventType", "actor.type", "actor.alternateId", "actor.displayName", "client.ipAddress", "outcome.result", "outcome.reason",
		"target", "debugContext.debugData.factor", "debugContext.debugData.factorIntent", "authenticationContext.credentialType")
}

// The values of a target.
const (
	targetType = iota
	targetName
	targetID
)

// okta decodes the System Log of Okta: what its API gives, and what its event hooks send. An event that tells that a factor
// was verified tells of the password too: in the Identity Engine that is an authenticator like the others. So what a
// success is worth is said by the factor that it names, and one that names none is unknown.
//
// Source: Okta, System Log API, LogEvent object, and its catalogue of event types; the test sets of
// SekoiaLab/automation-library and panther-labs/panther-analysis for what the Identity Engine logs.
type okta struct {
	options      *Options
	json, target *picker
	times        calendar
	words        scribe
	event        signin.MFAFacts

	application, subject, object, authenticator []byte // of the targets; copies
}

func newOkta(o *Options) *okta {
	return &okta{options: o, json: oktaPicker(), target: newPicker("type", "displayName", "alternateId")}
}

// Header implements [ingest.Decoder]: there is none.
func (d *okta) Header() []byte { return nil }

// Reset implements [ingest.Decoder]: every event stands alone.
func (d *okta) Reset([]byte) {}

// The remarks on events of Okta.
const (
	noteOktaOther = "an event of Okta that tells of no second factor"
	noteOktaNone  = "a JSON record that is no event of Okta: it has no eventType"
)

// Decode implements [ingest.Decoder].
func (d *okta) Decode(record []byte, f *signin.Facts) ingest.Decoded {
	*f = signin.Facts{Kind: signin.Okta}
	d.words.clear()
	if record = trimRecord(record); len(record) == 0 {
		return ingest.Blank
	}
	if err := d.json.pick(record); err != nil {
		return unread(f, err.Error())
	}
	event := d.words.word(d.json.text(oktaEvent))
	if event == nil {
		return unread(f, noteOktaNone)
	}
	var rest []byte
	var ok bool
	if f.Time, rest, _, ok = d.times.read(bytes.TrimSpace(d.json.text(oktaTime)), nil); !ok || len(rest) > 0 {
		return unread(f, noteNoTime)
	}
	d.readTargets()
	factor := d.factor()
	outcome := d.judge(event, factor)
	if outcome == signin.NoFactor {
		f.Note = noteOktaOther
		return ingest.Facts
	}
	p := d.json
	d.event = signin.MFAFacts{Time: f.Time, User: d.user(outcome), Application: d.application, Address: bareHost(p.text(oktaClient)), Factor: factor,
		Outcome: outcome, Reason: present(p.text(oktaReason)), Transaction: present(p.text(oktaID))}
	if d.event.Reason == nil {
		d.event.Reason = d.words.lower(p.text(oktaResult))
	}
	f.MFA = &d.event
	return ingest.Facts
}

// readTargets reads what an event acts on: the first application, user and authenticator, and the first of all.
func (d *okta) readTargets() {
	d.application, d.subject, d.object, d.authenticator = nil, nil, nil, nil
	each(d.json.values[oktaTargets], func(target []byte) bool {
		if d.target.pick(target) != nil {
			return true
		}
		kind, name, id := d.target.text(targetType), oktaName(d.target.text(targetName)), oktaName(d.target.text(targetID))
		take := func(to *[]byte, first, second []byte) {
			if *to == nil {
				*to = d.words.copy(first)
			}
			if *to == nil {
				*to = d.words.copy(second)
			}
		}
		switch {
		case isWord(kind, "appinstance"):
			take(&d.application, name, id)
		case isWord(kind, "user"):
			take(&d.subject, id, name)
		case isWord(kind, "authenticatorenrollment"), isWord(kind, "authenticator"):
			take(&d.authenticator, name, nil)
		}
		take(&d.object, name, id)
		return true
	})
}

// oktaName makes the word by which Okta says that it has no name nil.
func oktaName(b []byte) []byte {
	if b = present(b); isWord(b, "unknown") {
		return nil
	}
	return b
}

// factor is the factor that was asked for, as a word: of the engine's own data, else of the authenticator, else the sort of
// credential.
func (d *okta) factor() []byte {
	if factor := d.words.word(d.json.text(oktaFactor)); factor != nil {
		return factor
	}
	if d.authenticator != nil {
		return d.words.word(d.authenticator)
	}
	return d.words.word(d.json.text(oktaCredential))
}

// user names the person: who acted, and where something was changed, whom or what it was changed of.
func (d *okta) user(outcome signin.FactorOutcome) []byte {
	changed := outcome == signin.FactorConfig || outcome == signin.FactorEnrolled
	if changed && d.subject != nil {
		return d.subject
	}
	if changed && outcome == signin.FactorConfig && d.object != nil {
		return d.object
	}
	if kind := d.json.text(oktaActorType); len(kind) > 0 && !isWord(kind, "user") { // of the system, or of an application
		return d.subject
	}
	if user := oktaName(d.json.text(oktaActor)); user != nil {
		return user
	}
	return d.subject
}

// judge says what became of the second factor; NoFactor of an event that is about something else.
func (d *okta) judge(event, factor []byte) signin.FactorOutcome {
	result := d.json.text(oktaResult)
	both := d.words.joined(event, result)
	if d.options.Outcomes != nil {
		if is, ok := d.options.Outcomes(signin.Okta, string(both)); ok {
			return is
		}
	}
	if isWord(event, "user.authentication.auth_via_mfa") {
		return d.verified(factor, result)
	}
	is, ok := oktaEvents[string(both)]
	if !ok {
		is, ok = oktaEvents[string(event)]
	}
	switch {
	case !ok && (hasPrefixFold(event, "user.authentication.") || hasPrefixFold(event, "user.mfa.")):
		return d.options.outcome(signin.Okta, nil, d.words.word(d.json.text(oktaReason)))
	case !ok:
		return signin.NoFactor
	case (is == signin.FactorConfig || is == signin.FactorEnrolled) && !isWord(result, "success"):
		return signin.FactorInfo // it was tried
	case is == signin.FactorUnknown: // the reason says it
		return d.options.outcome(signin.Okta, oktaReasons, d.words.word(d.json.text(oktaReason)))
	}
	return is
}

// verified says what the verification of a factor was worth.
func (d *okta) verified(factor, result []byte) signin.FactorOutcome {
	intent := d.json.text(oktaIntent)
	if containsFold(intent, "recovery") || containsFold(intent, "enroll") {
		return signin.FactorInfo // nobody signs in by it
	}
	worth := signin.FactorUnknown
	if factor != nil {
		worth = d.options.outcome(signin.Okta, oktaFactors, factor)
	}
	reason := d.words.word(d.json.text(oktaReason))
	switch {
	case isWord(result, "success"):
		return worth
	case isWord(result, "challenge"):
		return signin.FactorInfo
	case !isWord(result, "failure") && !isWord(result, "deny"), factor == nil:
		return signin.FactorUnknown
	}
	if is := d.options.outcome(signin.Okta, nil, reason); is != signin.FactorUnknown {
		return is
	}
	switch {
	case worth == signin.FirstFactorOK:
		return signin.FirstFactorFailed
	case containsFold(reason, "timeout"), containsFold(reason, "timed_out"):
		return signin.FactorTimeout
	}
	return signin.FactorDenied
}

// oktaLook knows the System Log.
func oktaLook(o *Options, head []byte) ingest.Format {
	head = bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF"))
	if jsonHead(head) == nil {
		return ingest.Format{}
	}
	p := oktaPicker()
	name := ""
	look := func(named string) func(record []byte) bool {
		n := 0
		return func(record []byte) bool {
			_ = p.pick(record) // a head is cut: what was read before that counts
			has := func(i int) bool { return p.values[i] != nil }
			if bytes.IndexByte(p.text(oktaEvent), '.') > 0 && has(oktaTime) && has(oktaID) && (has(oktaActor) || has(oktaActorType)) {
				name = named
			}
			n++
			return name == "" && n < mostLooked
		}
	}
	objectsIn(head, nil, look("Okta System Log"))
	if name == "" {
		objectsIn(head, []string{"data", "events"}, look("Okta System Log, event hook"))
	}
	if name == "" {
		return ingest.Format{}
	}
	return inJSON(ingest.Format{Kind: signin.Okta, Name: name, Decoder: func() ingest.Decoder { return newOkta(o) }}, head, []string{"data", "events"})
}
