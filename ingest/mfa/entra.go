package mfa

import (
	"bytes"
	"math"
	"slices"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// The fields of a sign-in that are read, whatever the export calls them.
const (
	enTime = iota
	enActivity
	enEnvelope
	enCategory
	enID
	enCorrelation
	enUser
	enTyped
	enAlternate
	enService
	enAppID
	enApp
	enResourceID
	enResourceIdentity
	enResource
	enAddress
	enClient
	enAgent
	enProtocol
	enStatus
	enResult
	enSteps
	enFactor
	enUserID
	enTenants
	enUserType
	enSession
	enDevice
	enCredential
	enTransfer
	enIncoming
	enIssuer
	enPolicies
	enRequirement
	enOperation // of the audit log, like those behind it
	enDone
	enTargets
	enBy
	enFields
	enProperties = enFields
)

// entraPaths are the keys of the fields: those of Microsoft Graph, which the diagnostic settings keep and Log Analytics
// begins with a capital. Source: Microsoft Graph, signIn resource type; Azure Monitor, tables SigninLogs and
// AADNonInteractiveUserSignInLogs.
func entraPaths() []string {
	return []string{
		enTime: "createdDateTime", enActivity: "activityDateTime", enEnvelope: "time", enCategory: "category", enID: "id", enCorrelation: "correlationId",
		enUser: "userPrincipalName", enTyped: "signInIdentifier", enAlternate: "alternateSignInName", enService: "servicePrincipalId",
		enAppID: "appId", enApp: "appDisplayName",
		enResourceID: "resourceId", enResourceIdentity: "resourceIdentity", enResource: "resourceDisplayName", enAddress: "ipAddress",
		enClient: "clientAppUsed", enAgent: "userAgent", enProtocol: "authenticationProtocol", enStatus: "status", enResult: "resultType",
		enSteps: "authenticationDetails", enFactor: "mfaDetail",
		enUserID: "userId", enTenants: "crossTenantAccessType", enUserType: "userType",
		enSession: "sessionId", enDevice: "deviceDetail", enCredential: "clientCredentialType", enTransfer: "originalTransferMethod", enIncoming: "incomingTokenType", enIssuer: "tokenIssuerType",
		enPolicies: "appliedConditionalAccessPolicies", enRequirement: "authenticationRequirement",
		enOperation: "activityDisplayName", enDone: "result", enTargets: "targetResources", enBy: "initiatedBy",
	}
}

// The remarks on records of Entra.
const (
	entraNoTime      = "no createdDateTime: time and TimeGenerated say when the record was exported, and not when the sign-in was"
	entraBadTime     = "createdDateTime cannot be read"
	entraNoResult    = "no status.errorCode and no resultType: it does not say what became of the sign-in"
	entraBadJSON     = "its properties are no JSON object"
	entraNobody      = "a sign-in that names no user"
	entraApplication = "a sign-in of an application or of a managed identity: no person takes part in it"
	entraOther       = "a record of Entra about something else than a sign-in"
)

// entra decodes the sign-ins of Microsoft Entra ID: records of diagnostic settings, of Microsoft Graph, of the portal's
// download and of Log Analytics, each in JSON or in CSV.
type entra struct {
	export
	o                         *Options
	outer, inner              *picker // the record, and its properties where it has an envelope
	wrapped                   bool
	status, one, detail       *picker // its status, one of its authenticationDetails, its mfaDetail
	device, policy            *picker // its deviceDetail, one of its appliedConditionalAccessPolicies
	platforms                 platforms
	codes, results, methods   table
	target, property, by      *picker // of the audit log: whom a change is about, what of them was changed, and who made it
	changes                   table
	mfa                       signin.MFAFacts
	words                     words
	same                      [2][]byte
	federated                 bool                 // a step that succeeded was elsewhere
	best                      signin.FactorOutcome // of the steps
	bestWeight, bestOfFactors int
	reason, factor            []byte // of the best step: copies
	noField                   []byte
}

func newEntra(o *Options, csv bool) *entra {
	paths := entraPaths()
	d := &entra{export: export{kind: signin.Entra}, o: o, outer: newPicker(append(paths, "properties")...), inner: newPicker(paths...),
		status: newPicker("errorCode", "additionalDetails"), detail: newPicker("authMethod"), device: newPicker("operatingSystem"),
		policy: newPicker("enforcedGrantControls", "result", "conditionsNotSatisfied"), platforms: newPlatforms(),
		one:     newPicker("authenticationMethod", "succeeded", "authenticationStepResultDetail", "authenticationStepRequirement", "authenticationMethodDetail"),
		noField: []byte(signin.NoFactorField), codes: entraCodes(), results: entraResults(), methods: entraMethods(),
		target: newPicker("userPrincipalName", "displayName", "modifiedProperties"), property: newPicker("displayName"), by: newPicker("user.userPrincipalName", "user.ipAddress"), changes: ualOperations()}
	if csv {
		d.sheet = newSheet(enFields, entraColumn)
	}
	return d
}

// entraColumn knows the headings of the portal's CSV, in English, besides the keys.
func entraColumn(name string) int {
	switch name {
	case "date(utc)":
		return enTime
	case "requestid":
		return enID
	case "username":
		return enUser
	case "sign-inidentifier":
		return enTyped
	case "application":
		return enApp
	case "applicationid":
		return enAppID
	case "resource":
		return enResource
	case "clientapp":
		return enClient
	case "sign-inerrorcode":
		return enResult
	case "multifactorauthenticationresult":
		return enSteps
	case "multifactorauthenticationauthmethod":
		return enFactor
	}
	for i, path := range entraPaths() {
		if len(path) == len(name) && equalFold([]byte(path), name) {
			return i
		}
	}
	return -1
}

// Decode implements [ingest.Decoder].
func (d *entra) Decode(record []byte, f *signin.Facts) ingest.Decoded { return d.decode(record, f, d) }

func (d *entra) row() string { return "" }

// pick reads the JSON of a record.
func (d *entra) pick(record []byte) string {
	if err := d.outer.pick(record); err != nil {
		return err.Error()
	}
	if d.wrapped = d.outer.values[enProperties] != nil; d.wrapped && d.inner.pick(d.outer.json(enProperties)) != nil {
		return entraBadJSON
	}
	return ""
}

// text returns a field. What the properties say comes before what their envelope says.
func (d *entra) text(field int) []byte {
	if d.sheet != nil {
		return d.sheet.cells[field]
	}
	if d.wrapped {
		if v := d.inner.text(field); len(v) > 0 {
			return v
		}
	}
	return orNil(d.outer.text(field))
}

// json returns a field that is an object or an array, also where it stands in a string.
func (d *entra) json(field int) []byte {
	if d.sheet != nil {
		if v := bytes.TrimSpace(d.sheet.cells[field]); len(v) > 0 && (v[0] == '{' || v[0] == '[') {
			return v
		}
		return nil
	}
	if d.wrapped {
		if v := d.inner.json(field); v != nil {
			return v
		}
	}
	return d.outer.json(field)
}

// facts fills f and says what is wrong with the record, or "".
func (d *entra) facts(f *signin.Facts) string {
	if category := d.text(enCategory); len(category) > 0 {
		switch entraCategory(category) {
		case applicationCategory:
			return d.other(f, entraApplication)
		case noCategory:
			return d.directory(f)
		}
	}
	at := d.text(enTime)
	if at == nil {
		return entraNoTime
	}
	var ok bool
	if f.Time, ok = cloudTime(at); !ok {
		return entraBadTime
	}
	user := d.user()
	if user == nil {
		f.Note = entraNobody
		if known(d.text(enService)) != nil {
			f.Note = entraApplication
		}
		return ""
	}
	return d.signIn(user, f)
}

// The categories of records of Entra.
const (
	noCategory = iota // of no sign-in
	userCategory
	applicationCategory
)

// entraCategory reads the category of a record. Source: Azure Monitor, resource log categories of microsoft.aadiam/tenants.
func entraCategory(category []byte) int {
	switch {
	case isWord(category, "signinlogs"), isWord(category, "noninteractiveusersigninlogs"), isWord(category, "adfssigninlogs"):
		return userCategory
	case isWord(category, "serviceprincipalsigninlogs"), isWord(category, "managedidentitysigninlogs"), isWord(category, "microsoftserviceprincipalsigninlogs"):
		return applicationCategory
	}
	return noCategory
}

// other fills f for a record that tells of no person's sign-in. Of such a one the envelope's time will do.
func (d *entra) other(f *signin.Facts, note string) string {
	for _, field := range [...]int{enTime, enActivity, enEnvelope} {
		if at, ok := cloudTime(d.text(field)); ok {
			f.Time, f.Note = at, note
			return ""
		}
	}
	return entraBadTime
}

// user returns who signed in. Where the directory has no such user, Entra writes an id for userPrincipalName, and what
// was typed elsewhere.
func (d *entra) user() []byte {
	user := known(d.text(enUser))
	if user != nil && !isID(user) {
		return user
	}
	for _, field := range [...]int{enTyped, enAlternate} {
		if typed := known(d.text(field)); bytes.IndexByte(typed, '@') > 0 {
			return typed
		}
	}
	return user
}

func (d *entra) signIn(user []byte, f *signin.Facts) string {
	d.status.forget()
	if status := d.json(enStatus); status != nil && d.status.pick(status) != nil {
		d.status.forget()
	}
	code, coded, word := d.code()
	if !coded && word == nil {
		return entraNoResult
	}
	id := known(d.text(enID))
	f.Account = user
	f.Address = cloudHost(d.text(enAddress))
	f.Agent = orNil(d.text(enAgent))
	f.Label = orNil(d.text(enClient))
	f.AuthType = orNil(d.text(enProtocol))
	f.RequestID, f.Shared = sharedID(d.text(enCorrelation), id), sharedID(d.text(enCorrelation))
	d.mfa = signin.MFAFacts{Time: f.Time, User: user, Address: f.Address, Transaction: id}
	f.MFA = &d.mfa
	resource, name := d.resource()
	d.mfa.Application = name
	d.read()
	if !coded { // it did not succeed, and nothing says why: no credential can be judged
		d.mfa.Outcome, d.mfa.Reason, d.mfa.Factor = signin.FactorUnknown, word, d.factor
		return ""
	}
	f.Resource, f.Win32 = resource, code
	d.judge(code)
	if code == 0 {
		f.Same = d.names()
		d.mfa.Federation, d.mfa.Policy = d.federation(), d.unheld(f)
		d.letIn(f.Agent)
	}
	if d.mfa.Outcome == signin.FactorUnknown && d.mfa.Reason == nil && !d.has(enSteps) && !d.has(enRequirement) {
		d.mfa.Reason = d.noField
	}
	return ""
}

// names are those that the record of a success proves to be one person's: the number of the user in the directory, and the
// principal name that it has there. What was typed is not among them, and nobody of another tenant is: there the names are
// what that one says.
func (d *entra) names() [][]byte {
	id, name := known(d.text(enUserID)), known(d.text(enUser))
	if id == nil || name == nil || isWord(d.text(enUserType), "guest") {
		return nil
	}
	if tenants := d.text(enTenants); len(tenants) > 0 && !isWord(tenants, "none") {
		return nil
	}
	d.same = [2][]byte{id, name}
	return d.same[:]
}

// has reports whether the record has a field, be it empty.
func (d *entra) has(field int) bool {
	if d.sheet != nil {
		return slices.Contains(d.sheet.columns, field)
	}
	return d.outer.values[field] != nil || d.wrapped && d.inner.values[field] != nil
}

// code returns the error code. Without one, word is what the portal's CSV says instead, if it is not a success.
func (d *entra) code() (code uint32, coded bool, word []byte) {
	for _, text := range [...][]byte{d.status.text(0), d.text(enResult)} {
		if n, ok := wholeNumber(bytes.TrimSpace(text)); ok && n <= math.MaxUint32 {
			return uint32(n), true, nil
		}
	}
	word = known(d.text(enStatus))
	return 0, isWord(word, "success"), word
}

// The ids of the directory and of Microsoft Graph. A sign-in to them is one to the application that asks: so are most of
// those to an application that is published by Application Proxy.
const (
	directoryID = "00000002-0000-0000-c000-000000000000"
	graphID     = "00000003-0000-0000-c000-000000000000"
)

// resource returns what the sign-in is to: its id, else its name, and its name, else its id. In Log Analytics resourceId
// is the tenant's, as in the envelope, and resourceIdentity the resource's.
func (d *entra) resource() (id, name []byte) {
	for _, field := range [...]int{enResourceIdentity, enResourceID} {
		if id = known(d.text(field)); id != nil && id[0] != '/' {
			break
		}
		id = nil
	}
	name = known(d.text(enResource))
	app, appName := known(d.text(enAppID)), known(d.text(enApp))
	if id == nil && name == nil || isWord(id, directoryID) || isWord(id, graphID) {
		if app != nil || appName != nil {
			id, name = app, appName
		}
	}
	switch {
	case id == nil:
		id = name
	case name == nil:
		name = id
	}
	return id, name
}

// trimRecord takes off what is not part of a record.
func trimRecord(record []byte) []byte {
	record = bytes.Trim(record, "\x00\r\n")
	return bytes.TrimSpace(bytes.TrimPrefix(record, []byte("\xEF\xBB\xBF")))
}

// forget drops what was picked.
func (p *picker) forget() { clear(p.values) }
