package main

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"time"
)

// The two Duo Authentication Proxies of Contoso. Only the first was told to write authevents.log.
const (
	authEvents = "authproxy/PROXY01/authevents.log"
	proxyText  = "authproxy/PROXY02/authproxy.log"
)

// A proxyLogin is a login that a RADIUS device asked a Duo Authentication Proxy about.
type proxyLogin struct {
	t       int64 // when the device asked
	host    string
	user    string
	section string
	key     string
	address string
	says    string // passed, bypassed, fail_open, timeout
}

// login records a login at one of the proxies. It takes a person some seconds to answer.
func (m *factors) login(t int64, host, user, app, address, says string) {
	section := map[string]string{duoVPN: "radius_server_auto", duoOWA: "radius_server_auto2"}[app]
	m.logins = append(m.logins, proxyLogin{t: t, host: host, user: user, section: section, key: app, address: address, says: says})
}

// answered is when a login was over.
func (l *proxyLogin) answered() int64 {
	switch l.says {
	case "passed":
		return l.t + 9*second
	case "timeout":
		return l.t + minute + 400
	}
	return l.t + 450
}

func (f *folder) authProxyLogs() {
	m := f.story.factors
	slices.SortStableFunc(m.logins, func(a, b proxyLogin) int { return cmp.Compare(a.t, b.t) })
	events := gatewayLog{Path: authEvents, Kind: "duo_authproxy", Note: "of the proxy that writes it: JSON"}
	text := gatewayLog{Path: proxyText, Kind: "duo_authproxy", Note: "of the proxy that writes no authevents.log: text, local time; failmode in its questions"}
	var records, lines []loginLine
	for i := range m.logins {
		if l := &m.logins[i]; l.host == "PROXY01" {
			records = append(records, l.events()...)
		} else {
			lines = append(lines, l.lines(40000+i*7, 1+i%255)...)
		}
	}
	f.addGateway(events, render(&events, records))
	f.addGateway(text, render(&text, lines))
}

// A loginLine is a line of a log of the proxy, and what it says.
type loginLine struct {
	t          int64
	text, says string
}

func render(g *gatewayLog, lines []loginLine) (b []byte) {
	slices.SortStableFunc(lines, func(a, b loginLine) int { return cmp.Compare(a.t, b.t) })
	for _, l := range lines {
		b = append(append(b, l.text...), '\n')
		g.tell(l.says)
	}
	return b
}

// events are the records of authevents.log: the password, and what became of the second factor.
func (l *proxyLogin) events() []loginLine {
	record := func(t int64, message, stage, status, factor string) string {
		return fmt.Sprintf(`{"msg":"%s","timestamp":"%sZ","username":"%s","auth_stage":"%s","status":"%s","client_ip":"%s","server_section":"%s","server_section_ikey":"%s","factor":"%s","hostname":"%s","msg_type":"AUTH","log_logger":{},"log_namespace":"duoauthproxy.lib.log","log_source":null}`,
			message, time.UnixMilli(t).UTC().Format("2006-01-02T15:04:05.000000"), l.user, stage, status, l.address, l.section, l.key, factor, l.host)
	}
	const first, second = "Primary authentication", "Secondary authentication"
	message, status, factor := "Success. Logging you in...", "Allow", "push"
	switch l.says {
	case "bypassed":
		return []loginLine{{l.answered(), record(l.answered(), "User exempted from 2FA", second, "Allow", "Unknown"), "bypassed"}}
	case "timeout":
		message, status = "Login timed out.", "Reject"
	}
	return []loginLine{{l.t + 200, record(l.t+200, "Primary authentication successful - continuing to secondary authentication", first, "Allow", "Unknown"), "first_factor_ok"},
		{l.answered(), record(l.answered(), message, second, status, factor), l.says}}
}

// lines are what authproxy.log says of a login: it names the user's address once, and what the proxy does if Duo cannot be
// reached every time.
func (l *proxyLogin) lines(port, number int) []loginLine {
	var all []loginLine
	say := func(t int64, says, text string) {
		local := time.UnixMilli(t).In(time.FixedZone("", 2*60*60)).Format("2006-01-02T15:04:05.000000-0700")
		all = append(all, loginLine{t, local + " [duoauthproxy.lib.log#info] " + text, says})
	}
	device := "('10.20.0.9', " + fmt.Sprint(port) + ")"
	who := fmt.Sprintf("(%s, %s, %d): ", device, l.user, number)
	post := "http POST to https://" + duoHost + ":443/rest/v1/"
	say(l.t, "other", fmt.Sprintf("Received new request id %d from %s", number, device))
	say(l.t, "other", who+"login attempt for username '"+l.user+"'")
	say(l.t+40, "config", post+"preauth: failmode=safe&ipaddr="+url.QueryEscape(l.address)+"&user="+l.user)
	if l.says == "fail_open" {
		say(l.answered(), "fail_open", who+"Failmode Safe - Allowed Duo login on preauth failure")
		say(l.answered(), "other", who+"Returning response code 2: AccessAccept")
		return all
	}
	say(l.t+350, "other", who+"Got preauth result for: 'auth'")
	say(l.t+360, "other", post+"auth: auto=xxxxxxxx&factor=auto&ipaddr="+url.QueryEscape(l.address)+"&user="+l.user)
	if l.says == "timeout" {
		say(l.answered(), "timeout", who+"Duo authentication returned 'deny': 'Login timed out.'")
		say(l.answered(), "other", who+"Returning response code 3: AccessReject")
		return all
	}
	say(l.answered(), "passed", who+"Duo authentication returned 'allow': 'Success. Logging you in...'")
	say(l.answered(), "other", who+"Returning response code 2: AccessAccept")
	return all
}
