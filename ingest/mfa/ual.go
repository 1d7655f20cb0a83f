package mfa

import (
	"bytes"
	"math"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// The fields of a record of the Unified Audit Log that are read.
const (
	ualTime = iota
	ualID
	ualOperation
	ualUser
	ualUserKey
	ualAddress
	ualActorAddress
	ualObject
	ualTarget
	ualApplication
	ualExtended
	ualModified
	ualCorrelation
	ualRequest
	ualNumber
	ualError
	ualDevice
	ualFields
	ualData = ualFields
)

// ualPaths are the keys of the fields. Source: Office 365 Management Activity API schema, the common schema and those of
// Azure Active Directory.
func ualPaths() []string {
	return []string{
		ualTime: "CreationTime", ualID: "Id", ualOperation: "Operation", ualUser: "UserId", ualUserKey: "UserKey", ualAddress: "ClientIP", ualActorAddress: "ActorIpAddress",
		ualObject: "ObjectId", ualTarget: "Target", ualApplication: "ApplicationId", ualExtended: "ExtendedProperties", ualModified: "ModifiedProperties",
		ualCorrelation: "InterSystemsId", ualRequest: "IntraSystemId", ualNumber: "ErrorNumber", ualError: "LogonError", ualDevice: "DeviceProperties",
	}
}

// The remarks on records of the Unified Audit Log.
const (
	ualNoTime      = "no CreationTime"
	ualBadTime     = "CreationTime cannot be read"
	ualNoOperation = "no Operation: it is not a record of the Unified Audit Log"
	ualNoData      = "its AuditData is no JSON object"
	ualOther       = "an operation of the Unified Audit Log that is neither a sign-in nor a change of who needs a second factor"
	ualNobody      = "a sign-in that names no user"
)

// ualOperations are the records of the directory that weaken the second factor, or say that somebody else used the first.
// Source: Microsoft, "Audit log activities", directory and user administration; "Microsoft Entra audit log activity
// reference", Authentication Methods.
func ualOperations() table {
	return table{
		"disable strong authentication":            signin.FactorConfig,
		"user deleted security info":               signin.FactorConfig,
		"admin deleted security info":              signin.FactorConfig,
		"add conditional access policy":            signin.FactorConfig,
		"update conditional access policy":         signin.FactorConfig,
		"delete conditional access policy":         signin.FactorConfig,
		"add named location":                       signin.FactorConfig,
		"update named location":                    signin.FactorConfig,
		"delete named location":                    signin.FactorConfig,
		"set domain authentication":                signin.FactorConfig,
		"set federation settings on domain":        signin.FactorConfig,
		"user registered security info":            signin.FactorEnrolled,
		"admin registered security info":           signin.FactorEnrolled,
		"suspicious activity reported":             signin.FactorFraud,
		"fraud reported - no action taken":         signin.FactorFraud,
		"fraud reported - user is blocked for mfa": signin.FactorFraud,
	}
}

// ual decodes the Unified Audit Log of Microsoft 365: records of the Management API and of Microsoft Graph, and the CSV of
// Search-UnifiedAuditLog and of the portal, whose AuditData is such a record. Its sign-ins are those of Entra, with less.
type ual struct {
	export
	o              *Options
	outer, inner   *picker
	wrapped        bool
	pair, target   *picker
	codes, others  table
	mfa            signin.MFAFacts
	same           [2][]byte
	words          words
	platforms      platforms
	agent, request []byte // of the extended properties: copies
	system         []byte // of the device properties: a copy
}

func newUAL(o *Options, csv bool) *ual {
	paths := ualPaths()
	d := &ual{export: export{kind: signin.UAL}, o: o, outer: newPicker(append(paths, "AuditData")...), inner: newPicker(paths...),
		pair: newPicker("Name", "Value"), target: newPicker("ID"), codes: entraCodes(), others: ualOperations(), platforms: newPlatforms()}
	if csv {
		d.sheet = newSheet(1, ualColumn)
	}
	return d
}

func ualColumn(name string) int {
	if name == "auditdata" {
		return 0
	}
	return -1
}

// Decode implements [ingest.Decoder].
func (d *ual) Decode(record []byte, f *signin.Facts) ingest.Decoded { return d.decode(record, f, d) }

func (d *ual) row() string {
	d.outer.forget()
	if d.wrapped = true; d.inner.pick(d.sheet.cells[0]) != nil {
		return ualNoData
	}
	return ""
}

func (d *ual) pick(record []byte) string {
	if err := d.outer.pick(record); err != nil {
		return err.Error()
	}
	if d.wrapped = d.outer.values[ualData] != nil; d.wrapped && d.inner.pick(d.outer.json(ualData)) != nil {
		return ualNoData
	}
	return ""
}

// record is where the fields are: the columns beside AuditData tell the same once more, in other words.
func (d *ual) record() *picker {
	if d.wrapped {
		return d.inner
	}
	return d.outer
}

func (d *ual) text(field int) []byte { return known(d.record().text(field)) }

func (d *ual) facts(f *signin.Facts) string {
	operation := bytes.TrimSuffix(d.text(ualOperation), []byte{'.'})
	if len(operation) == 0 {
		return ualNoOperation
	}
	at := d.text(ualTime)
	if at == nil {
		return ualNoTime
	}
	var ok bool
	if f.Time, ok = cloudTime(at); !ok {
		return ualBadTime
	}
	failed := isWord(operation, "userloginfailed")
	switch {
	case failed, isWord(operation, "userloggedin"):
		d.signIn(failed, f)
	default:
		d.directory(operation, f)
	}
	return ""
}

// signIn reads a sign-in. ResultStatus plays no part: it says whether the request was served, and is Success on sign-ins
// that failed.
func (d *ual) signIn(failed bool, f *signin.Facts) {
	user := d.text(ualUser)
	if user == nil {
		f.Note = ualNobody
		return
	}
	d.properties()
	d.event(f, user)
	f.Agent = orNil(d.agent)
	f.AuthType = orNil(d.request)
	f.RequestID, f.Shared = sharedID(d.text(ualCorrelation), d.text(ualRequest), d.text(ualID)), sharedID(d.text(ualCorrelation))
	resource := d.resource()
	d.mfa.Application = resource

	name := d.text(ualError)
	code := logonError(d.words.lowered(name))
	if d.text(ualNumber) != nil { // a number that is not there costs an error
		if n, ok := d.record().number(ualNumber); ok && 0 < n && n <= math.MaxUint32 {
			code = uint32(n)
		}
	}
	switch {
	case code != 0:
		f.Win32, f.Resource = code, resource
		word := d.words.code(code)
		d.mfa.Outcome, d.mfa.Reason = d.o.outcome(signin.UAL, d.codes, word), word
	case failed || name != nil: // it did not succeed, and nothing says why: no credential can be judged
		d.mfa.Outcome, d.mfa.Reason = d.o.outcome(signin.UAL, nil, d.words.lowered(name)), name
	default: // nor does a success say how: of a second factor this log tells nothing
		f.Resource = resource
		if isWord(d.request, "orgidwsfederation:federation") {
			d.mfa.Federation = d.words.requestID(d.text(ualCorrelation))
		}
		d.letIn()
		d.mfa.Outcome, d.mfa.Reason = d.o.outcome(signin.UAL, nil, d.words.lowered(d.request)), orNil(d.request)
		if key := d.text(ualUserKey); isGUID(key) { // elsewhere it is a number of another sort, or the name once more
			d.same = [2][]byte{key, user}
			f.Same = d.same[:]
		}
	}
}

// directory reads a change in the directory.
func (d *ual) directory(operation []byte, f *signin.Facts) {
	o := d.o.outcome(signin.UAL, d.others, d.words.lowered(operation))
	if o == signin.FactorUnknown && isWord(operation, "update user") && d.strong() {
		o = signin.FactorConfig
	}
	if o == signin.FactorUnknown {
		f.Note = ualOther
		return
	}
	// The user is whom it is about; of what is about nobody, such as a policy, who did it.
	user, object := d.text(ualUser), d.text(ualObject)
	if bytes.IndexByte(object, '@') > 0 {
		user, object = object, nil
	}
	d.event(f, user)
	d.mfa.Application, d.mfa.Outcome, d.mfa.Reason = object, o, operation
}

// event begins an event of a second factor.
func (d *ual) event(f *signin.Facts, user []byte) {
	f.Account = user
	if f.Address = cloudHost(d.text(ualAddress)); f.Address == nil {
		f.Address = cloudHost(d.text(ualActorAddress))
	}
	d.mfa = signin.MFAFacts{Time: f.Time, User: user, Address: f.Address, Transaction: d.text(ualID)}
	f.MFA = &d.mfa
}

// properties reads the extended properties.
func (d *ual) properties() {
	d.agent, d.request = d.agent[:0], d.request[:0]
	each(d.record().json(ualExtended), func(pair []byte) bool {
		if d.pair.pick(pair) != nil {
			return true
		}
		switch name, value := d.pair.text(0), known(d.pair.text(1)); {
		case isWord(name, "useragent"):
			d.agent = append(d.agent[:0], value...)
		case isWord(name, "requesttype"):
			d.request = append(d.request[:0], value...)
		}
		return true
	})
}

// letIn says of a sign-in that succeeded in which session it did, and on what.
func (d *ual) letIn() {
	var session, system []byte
	each(d.record().json(ualDevice), func(pair []byte) bool {
		if d.pair.pick(pair) != nil {
			return true
		}
		switch name, value := d.pair.text(0), known(d.pair.text(1)); {
		case isWord(name, "sessionid"):
			session = d.words.sessionID(value)
		case isWord(name, "os"):
			system = append(d.system[:0], value...)
			d.system = system
		}
		return true
	})
	if d.mfa.Session = session; session != nil {
		d.mfa.Platform = d.platforms.of(d.words.lowered(d.agent), system)
	}
}

// strong reports whether one of the modified properties is about strong authentication. Their values are anybody's text.
func (d *ual) strong() bool {
	found := false
	each(d.record().json(ualModified), func(pair []byte) bool {
		found = d.pair.pick(pair) == nil && hasPrefixFold(d.pair.text(0), "strongauthentication")
		return !found
	})
	return found
}

// resource returns the id of what the sign-in is to. Records of a refused password often name only the client: of a
// program that posts a name and a password that is Exchange itself.
func (d *ual) resource() []byte {
	resource := d.text(ualObject)
	if resource == nil {
		each(d.record().json(ualTarget), func(target []byte) bool {
			if d.target.pick(target) == nil {
				resource = known(d.target.text(0))
			}
			return resource == nil
		})
	}
	if application := d.text(ualApplication); application != nil &&
		(resource == nil || isWord(resource, directoryID) || isWord(resource, graphID)) {
		return application
	}
	return resource
}
