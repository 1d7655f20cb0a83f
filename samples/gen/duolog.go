package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The applications that Duo protects at Contoso, by their keys.
const (
	duoOWA = "DIOWA0CONTOSO00000001"
	duoVPN = "DIVPN0CONTOSO00000001"
)

const duoHost = "api-c0n70501.duosecurity.com"

// A duoEvent is a record of Duo's authentication log.
type duoEvent struct {
	t               int64
	user, app       string
	address         string // of the browser; empty: the integration did not pass it on
	country         string
	factor          string
	result, reason  string
	says            string // the outcome that must be read from it
	rememberedAfter string // the factor by which the device was remembered
	id              guid
}

// duoSays is the outcome of a record, by its reason; the ones that a factor decides come first.
func duoSays(factor, reason string) string {
	switch {
	case factor == "bypass_code":
		return "helpdesk_code"
	case reason == "":
		return "enrolled"
	}
	return map[string]string{"user_approved": "passed", "valid_passcode": "passed", "verification_code_correct": "passed", "remembered_device": "remembered",
		"bypass_user": "bypassed", "allow_unenrolled_user": "bypassed", "no_response": "timeout", "user_marked_fraud": "fraud",
		"user_mistake": "denied", "user_cancelled": "denied"}[reason]
}

// asked records that Duo was asked about a person, and how that ended.
func (m *factors) asked(t int64, user, app, address, factor, reason string) *duoEvent {
	e := duoEvent{t: t, user: user, app: app, address: address, country: "Austria", factor: factor, result: "denied", reason: reason, says: duoSays(factor, reason), id: m.id()}
	switch e.says {
	case "fraud":
		e.result = "fraud"
	case "passed", "remembered", "bypassed", "helpdesk_code", "enrolled":
		e.result = "success"
	}
	m.duo = append(m.duo, e)
	return &m.duo[len(m.duo)-1]
}

// duoName is how Duo's module for Outlook on the web names people where it is set to send the domain too. One was added
// by hand, without it.
func duoName(user string) string {
	if user == "x.park" {
		return user
	}
	return `CONTOSO\` + user
}

// record writes the event as version 2 of the Admin API does; sync adds what DuoLogSync adds.
func (e *duoEvent) record(sync bool) string {
	at, key := time.UnixMilli(e.t).UTC(), "0CONTOSO"+strings.ToUpper(strings.ReplaceAll(e.user, ".", "0"))
	address, place, phone := e.address, `{"city":"Vienna","country":"`+e.country+`","state":"Vienna"}`, `{"ip":"198.51.100.9","key":"DP`+key+`","location":{"city":"Vienna","country":"Austria","state":"Vienna"},"name":"phone of `+e.user+`"}`
	browser := `"browser":"Chrome","browser_version":"140.0.0.0","epkey":null,"flash_version":"uninstalled","hostname":null,`
	if e.country != "Austria" {
		place = `{"city":null,"country":"` + e.country + `","state":null}`
	}
	if address == "" {
		address, place, browser = "0.0.0.0", `{"city":null,"country":null,"state":null}`, `"browser":null,"browser_version":null,"epkey":null,"flash_version":null,"hostname":null,`
	}
	if e.says == "remembered" || e.says == "bypassed" || e.says == "helpdesk_code" || e.says == "enrolled" {
		phone = `{"ip":null,"key":null,"location":{"city":null,"country":null,"state":null},"name":null}`
	}
	kind, application := "authentication", `{"key":"`+duoOWA+`","name":"Outlook on the web"}`
	if e.app == duoVPN {
		application = `{"key":"` + duoVPN + `","name":"Contoso VPN"}`
	}
	if e.says == "enrolled" {
		kind = "enrollment"
	}
	remembered := ""
	if e.rememberedAfter != "" {
		remembered = `"remembered_factor":"` + e.rememberedAfter + `",`
	}
	text := `{"access_device":{` + browser + `"ip":"` + address + `","is_encryption_enabled":"unknown","is_firewall_enabled":"unknown","is_password_set":"unknown","java_version":"uninstalled","location":` + place +
		`,"os":"Windows","os_version":"10"},"adaptive_trust_assessments":{},"alias":"","application":` + application + `,"auth_device":` + phone + `,"email":"` + e.user + `@contoso.com","event_type":"` + kind +
		`","factor":` + quote(e.factor) + `,"isotimestamp":"` + at.Format("2006-01-02T15:04:05.000000") + `+00:00","ood_software":null,"reason":` + quote(e.reason) + `,` + remembered + `"result":"` + e.result +
		`","timestamp":` + fmt.Sprint(at.Unix()) + `,"trusted_endpoint_status":"unknown","txid":"` + e.id.String() + `","user":{"groups":["Mail users (from AD sync \"contoso.com\")"],"key":"DU` + key + `","name":` + quote(duoName(e.user)) + `}`
	if sync {
		text += `,"eventtype":"auth_log","host":"` + duoHost + `"`
	}
	return text + "}"
}

// A duoAction is a record of Duo's administrator log.
type duoAction struct {
	t                     int64
	action, object, about string
	says                  string
}

func (a *duoAction) record() string {
	at := time.UnixMilli(a.t).UTC()
	return `{"action":"` + a.action + `","description":` + quote(a.about) + `,"isotimestamp":"` + at.Format("2006-01-02T15:04:05") + `+00:00","object":` + quote(a.object) + `,"timestamp":` + fmt.Sprint(at.Unix()) +
		`,"username":"Contoso helpdesk","eventtype":"admin_log","host":"` + duoHost + `"}`
}

// A duoPull is a file of the first day: somebody's script asked the Admin API for three hours at a time. What happened
// from 8 to 11 was asked for a day later, and with some minutes too much: two events are told twice.
type duoPull struct {
	path, from, to, note string
}

const lateLog = "duo/duo-auth-2026100608.late.json"

func duoPulls() []duoPull {
	return []duoPull{
		{"duo/duo-auth-2026100605.json", "2026-10-06 05:00:00", "2026-10-06 08:00:00", "records of the Admin API, version 2"},
		{lateLog, "2026-10-06 07:45:00", "2026-10-06 11:10:00", "delivered on the 8th; tells two events of its neighbours again"},
		{"duo/duo-auth-2026100611.json", "2026-10-06 11:00:00", "2026-10-06 14:00:00", ""},
		{"duo/duo-auth-2026100614.json", "2026-10-06 14:00:00", "2026-10-06 17:00:00", ""},
		{"duo/duo-auth-2026100617.json", "2026-10-06 17:00:00", "2026-10-07 00:00:00", ""},
	}
}

// syncLog is the file of the second day: DuoLogSync follows, and mixes the streams.
const syncLog = "duologsync/duo-20261007.log"

// duoLog is the file without which an event of Duo would be told by nobody.
func duoLog(t int64) string {
	for i, p := range duoPulls() {
		if i != 1 && at(p.from) <= t && t < at(p.to) {
			return p.path
		}
	}
	if t < at("2026-10-07 00:00:00") {
		return lateLog
	}
	return syncLog
}

func (f *folder) duoLogs() {
	m := f.story.factors
	slices.SortStableFunc(m.duo, func(a, b duoEvent) int { return cmp.Compare(a.t, b.t) })
	for _, p := range duoPulls() {
		g := gatewayLog{Path: p.path, Kind: "duo", Note: p.note}
		var b []byte
		for i := range m.duo {
			if e := &m.duo[i]; at(p.from) <= e.t && e.t < at(p.to) {
				b = append(append(b, e.record(false)...), '\n')
				g.tell(e.says)
			}
		}
		f.addGateway(g, b)
	}
	type line struct {
		t          int64
		text, says string
	}
	var lines []line
	for i := range m.duo {
		if e := &m.duo[i]; e.t >= at("2026-10-07 00:00:00") {
			lines = append(lines, line{e.t, e.record(true), e.says})
		}
	}
	for i := range m.admin {
		lines = append(lines, line{m.admin[i].t, m.admin[i].record(), m.admin[i].says})
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.t, b.t) })
	g := gatewayLog{Path: syncLog, Kind: "duo", Note: "DuoLogSync: the administrator log among the authentications"}
	var b []byte
	for _, l := range lines {
		b = append(append(b, l.text...), '\n')
		g.tell(l.says)
	}
	f.addGateway(g, b)
}
