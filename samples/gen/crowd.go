package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A member is one account of the crowd with everything of it that a log can show.
type member struct {
	account   string // CONTOSO\sam
	upn       string
	sid       string // AnchorMailbox by SID
	mailbox   string // AnchorMailbox by mailbox
	sync      string // ActiveSync query after Cmd=…
	mapi      string // MAPI query
	inside    string // addresses
	outside   string
	cookie    string // ClientId
	outlook   *client
	phone     *client
	browser   *client
	scheme    string // how its Outlook authenticates
	legacy    bool   // its phone sends Basic
	connected string // ClientRequestId of its Outlook session, as MAPI over HTTP spells it
}

// A crowd is the organisation that the large inputs are about.
type crowd struct {
	members []member
	probes  []member
}

// newCrowd invents n people and a handful of health mailboxes.
func newCrowd(n int, rng *rand.Rand, tools *arsenal) *crowd {
	c := &crowd{members: make([]member, n), probes: make([]member, 12)}
	for i := range c.members {
		sam := givenName(rng) + "." + familyName(rng)
		if i >= 300 {
			sam = fmt.Sprintf("%s%d", sam, i)
		}
		c.members[i] = newMember(sam, i, rng, tools)
	}
	for i := range c.probes {
		c.probes[i] = newMember(fmt.Sprintf("HealthMailbox%07x%d", rng.Uint32()>>4, i), n+i, rng, tools)
	}
	return c
}

func newMember(sam string, i int, rng *rand.Rand, tools *arsenal) member {
	mailbox := guid{rng.Uint64(), rng.Uint64()}.String()
	m := member{
		account:   `CONTOSO\` + sam,
		upn:       sam + "@contoso.com",
		sid:       fmt.Sprintf("Sid~S-1-5-21-1004336348-1177238915-682003330-%d", 1100+i),
		mailbox:   "MailboxGuid~" + mailbox,
		mapi:      "MailboxId=" + mailbox + "@contoso.com",
		inside:    fmt.Sprintf("10.%d.%d.%d", 30+i>>16, i>>8&255, 1+i&127),
		outside:   documentationAddress(rng),
		cookie:    letters(rng, 20),
		outlook:   pick(rng, tools.outlook[1:]),
		phone:     pick(rng, tools.phones),
		browser:   pick(rng, tools.browsers),
		scheme:    [8]string{"Negotiate", "Negotiate", "Negotiate", "Negotiate", "Bearer", "Bearer", "Bearer", "NTLM"}[rng.IntN(8)],
		legacy:    rng.IntN(4) == 0,
		connected: ticket(guid{rng.Uint64(), rng.Uint64()}, guid{rng.Uint64(), rng.Uint64()}),
	}
	if m.legacy {
		m.phone = pick(rng, tools.legacyPhones)
	}
	m.sync = "Cmd=Sync&User=contoso.com%5C" + sam + "&DeviceId=" + strings.ToUpper(letters(rng, 26)) + "&DeviceType=" + deviceType(m.phone)
	return m
}

// ticket is the ClientRequestId of Outlook: the request and the session it belongs to.
func ticket(request, session guid) string {
	r, s := strings.ToUpper(request.String()), strings.ToUpper(session.String())
	return "R:{" + r + "}:17;RT:Execute;CI:{" + s + "}:9;CID:{" + s + "}"
}

func deviceType(phone *client) string {
	for _, kind := range []string{"iPhone", "iPad", "SAMSUNG", "Outlook"} {
		if strings.Contains(phone.sent, kind) {
			return kind
		}
	}
	return "Android"
}

// documentationAddress is an address from a range kept for examples: nobody owns it.
func documentationAddress(rng *rand.Rand) string {
	return fmt.Sprintf("%s%d", pick(rng, []string{"192.0.2.", "198.51.100.", "203.0.113."}), 1+rng.IntN(254))
}

func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

func letters(rng *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('A' + rng.IntN(26))
	}
	return string(b)
}

func givenName(rng *rand.Rand) string {
	return pick(rng, []string{"anna", "bilal", "chen", "dora", "emil", "fatou", "gus", "hana", "ivo", "jun", "kofi", "lea",
		"marek", "nina", "olu", "petra", "quinn", "rosa", "sami", "tuva", "ugo", "vera", "wim", "xenia", "yara", "zoe"})
}

func familyName(rng *rand.Rand) string {
	return pick(rng, []string{"abara", "berg", "costa", "dahl", "egan", "fischer", "gallo", "haas", "ito", "jansen", "kaya", "lind",
		"moreau", "novak", "okafor", "park", "quist", "rossi", "sato", "toth", "usman", "vidal", "weber", "xu", "young", "zielinski"})
}
