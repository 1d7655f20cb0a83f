package mfa

import "github.com/outmode/outmode/internal/signin"

// read finds among the steps of a sign-in the one that says what became of the second factor. Entra's v1.0 and the
// portal's CSV have no steps, and one sentence instead.
func (d *entra) read() {
	d.best, d.bestWeight, d.bestOfFactors, d.federated = signin.FactorUnknown, 0, 0, false
	d.reason, d.factor = nil, nil
	each(d.json(enSteps), func(step []byte) bool {
		if d.one.pick(step) == nil {
			d.step()
		}
		return true
	})
	d.sentence(d.status.text(1))
	if d.sheet != nil {
		d.sentence(d.text(enSteps))
	}
	if d.factor == nil {
		method := d.text(enFactor)
		if detail := d.json(enFactor); detail != nil {
			if method = nil; d.detail.pick(detail) == nil {
				method = d.detail.text(0)
			}
		}
		d.factor = d.words.named(known(method))
	}
}

// federation returns the id of the request at AD FS by which a sign-in that succeeded was proven: Entra took the token of a
// federation server, and no other one. Of AD FS's own sign-ins, which Entra shows too, it returns none.
func (d *entra) federation() []byte {
	if isWord(d.text(enCategory), "adfssigninlogs") {
		return nil
	}
	federated := d.federated || isWord(d.text(enIssuer), "adfederationservices")
	if incoming := known(d.text(enIncoming)); incoming != nil {
		federated = containsFold(incoming, "saml") && !containsFold(incoming, "refresh")
	}
	if !federated {
		return nil
	}
	return d.words.requestID(d.text(enCorrelation))
}

// letIn says of a sign-in that succeeded in which session it did, and on what. Nothing is said of a server that uses what
// somebody granted it, nor of a session that was handed on to another device.
func (d *entra) letIn(agent []byte) {
	if known(d.text(enCredential)) != nil || known(d.text(enTransfer)) != nil {
		return
	}
	if d.mfa.Session = d.words.sessionID(d.text(enSession)); d.mfa.Session == nil {
		return
	}
	var system []byte
	if detail := d.json(enDevice); detail != nil && d.device.pick(detail) == nil {
		system = d.device.text(0)
	}
	d.mfa.Platform = d.platforms.of(d.words.lowered(agent), system)
}

// step weighs the step that was picked.
func (d *entra) step() {
	method, result := d.one.text(0), d.one.text(2)
	done, undone := isWord(d.one.text(1), "true"), isWord(d.one.text(1), "false")
	d.federated = d.federated || done && (isWord(method, "federated") || isWord(d.one.text(4), "federated"))
	second := containsFold(d.one.text(3), "multi") || hasPrefixFold(result, "mfa ")
	o := d.result(result)
	if undone && weight(o) >= weight(signin.FactorFailOpen) {
		o = signin.FactorUnknown // it says that it got through, and that it did not
	}
	reason := result
	if o == signin.FactorUnknown && done {
		switch {
		case second && len(result) == 0:
			o, reason = signin.FactorPassed, method
		case !second && !hasPrefixFold(result, entraFirstClaim):
			if by := d.o.outcome(signin.Entra, d.methods, d.words.lowered(method)); by != signin.FactorUnknown || len(result) == 0 {
				o, reason = by, method
			}
		}
	}
	w := weight(o)
	if !second && o == signin.FactorUnknown {
		w = 1 // a first step in words that are not known says nothing of a second one
	}
	d.weigh(o, w, reason)
	if second && len(method) > 0 && w > d.bestOfFactors {
		d.bestOfFactors, d.factor = w, d.words.named(method)
	}
}

// sentence weighs what is said of the whole sign-in.
func (d *entra) sentence(text []byte) {
	if text = known(text); text == nil || text[0] == '[' || text[0] == '{' {
		return
	}
	if o := d.result(text); o != signin.FactorUnknown || hasPrefixFold(text, "mfa ") {
		d.weigh(o, weight(o), text)
	}
}

// result reads a result in words.
func (d *entra) result(text []byte) signin.FactorOutcome {
	if len(text) == 0 {
		return signin.FactorUnknown
	}
	o := d.o.outcome(signin.Entra, d.results, d.words.lowered(text))
	if o == signin.FactorUnknown && hasPrefixFold(text, "mfa denied") {
		o = signin.FactorDenied // there are two dozen reasons, and whichever it is, it was denied
	}
	return o
}

func (d *entra) weigh(o signin.FactorOutcome, w int, reason []byte) {
	if w > d.bestWeight {
		d.best, d.bestWeight, d.reason = o, w, d.words.because(reason)
	}
}

// blockedByPolicy is the code of what Conditional Access refuses, behind the password.
const blockedByPolicy = 53003

// judge decides between the error code and the steps. The code says what became of the sign-in; of a second factor it says
// less than a step that was refused, and where it says nothing the steps do.
func (d *entra) judge(code uint32) {
	d.mfa.Outcome, d.mfa.Reason, d.mfa.Factor = d.best, d.reason, d.factor
	if code == 0 {
		return
	}
	word := d.words.code(code)
	o := d.o.outcome(signin.Entra, d.codes, word)
	switch {
	case code == blockedByPolicy && d.bestWeight <= weight(signin.FirstFactorOK):
		d.mfa.Reason = word // that the password was right is clear from it
	case o == signin.FactorUnknown && d.bestWeight > 0:
	case o == signin.FirstFactorOK && refused(d.best):
	case o == signin.FactorDenied && d.best == signin.FactorFraud:
	default:
		d.mfa.Outcome, d.mfa.Reason = o, word
	}
}
