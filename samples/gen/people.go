package main

import (
	"fmt"
	"math/rand/v2"
)

// A habit is one way a person of the story works.
type habit uint

const (
	deskOutlook  habit = 1 << iota // Outlook at the desk, Negotiate
	modernDesk                     // Outlook at the desk, OAuth
	modernPhone                    // a phone with OAuth
	basicPhone                     // a phone that sends the password every time
	formsWebmail                   // Outlook on the web through the logon form
	federatedWeb                   // ECP and Outlook on the web through AD FS
)

// A person is one account of the story.
type person struct {
	member
	full, role string
	habits     habit
}

// entry is a row of the staff list.
type entry struct {
	sam, full, role string
	habits          habit
}

// staff is everybody who works at Contoso, in the order of their badges.
func staff() []entry {
	return []entry{
		{"m.hartwell", "Martin Hartwell", "chief financial officer", deskOutlook},
		{"a.berg", "Anna Berg", "managing director", modernDesk | modernPhone},
		{"l.moreau", "Luc Moreau", "head of IT", modernDesk | federatedWeb},
		{"l.dahl", "Lena Dahl", "Exchange administrator", modernDesk | modernPhone | federatedWeb},
		{"t.okafor", "Tobi Okafor", "purchasing", deskOutlook},
		{"k.lindqvist", "Karin Lindqvist", "sales", modernDesk | formsWebmail},
		{"j.brandt", "Jonas Brandt", "developer", deskOutlook},
		{"c.nakamura", "Chie Nakamura", "design, on a Mac", formsWebmail},
		{"s.alvarez", "Sofia Alvarez", "marketing, on a Mac", modernPhone},
		{"p.sorensen", "Per Sorensen", "pilot of the block", deskOutlook},
		{"h.vogel", "Hilde Vogel", "facilities", deskOutlook},
		{"w.stone", "Walt Stone", "warehouse", 0},
		{"b.kowalski", "Bartek Kowalski", "field service", basicPhone},
		{"n.haddad", "Nadia Haddad", "reception", basicPhone | formsWebmail},
		{"f.oduya", "Femi Oduya", "sales", basicPhone | deskOutlook},
		{"d.ferrari", "Dario Ferrari", "security, with a certificate on the phone", modernDesk},
		{"r.iyer", "Ravi Iyer", "engineering, on an old Mac", formsWebmail},
		{"e.jonsson", "Eva Jonsson", "people", modernDesk | modernPhone},
		{"g.rossi", "Gina Rossi", "design, on a Mac", modernPhone},
		{"i.petrov", "Ivan Petrov", "driver", basicPhone},
		{"m.costa", "Marta Costa", "design, on a Mac", formsWebmail},
		{"n.weber", "Nils Weber", "accounts payable", deskOutlook},
		{"o.haas", "Olga Haas", "driver", basicPhone},
		{"q.tran", "Quang Tran", "support", deskOutlook | modernPhone},
		{"r.lind", "Rosa Lind", "support", modernDesk | modernPhone},
		{"s.gallo", "Sergio Gallo", "legal", modernDesk | modernPhone},
		{"t.novak", "Tereza Novak", "payroll", deskOutlook},
		{"u.sato", "Umeko Sato", "quality", basicPhone},
		{"v.kaya", "Volkan Kaya", "driver", basicPhone},
		{"x.park", "Xavier Park", "planning", modernDesk | modernPhone},
		{"y.toth", "Yvonne Toth", "driver", basicPhone},
		{"z.ito", "Zen Ito", "research, on Linux", formsWebmail},
		{"a.young", "Abel Young", "board", basicPhone | formsWebmail},
		{"b.usman", "Bola Usman", "sales", modernDesk | modernPhone},
		{"c.vidal", "Carla Vidal", "translation", modernPhone},
		{"d.egan", "Dara Egan", "developer", deskOutlook | modernPhone},
		{"e.quist", "Erik Quist", "contractor", modernPhone},
		{"h.jansen", "Hugo Jansen", "contractor", formsWebmail},
		{"k.fischer", "Kai Fischer", "contractor", modernPhone},
		{"o.lefevre", "Odile Lefevre", "assistant of the directors", modernDesk | modernPhone},
	}
}

// services are the accounts that no person types a password for.
func services() []entry {
	return []entry{
		{"svc-erp", "ERP connector", "reads orders from mailboxes", 0},
		{"svc-scan", "scanners of the second floor", "send scans by mail", 0},
		{"svc-report", "nightly reports", "a script nobody owns", 0},
		{"svc-rooms", "panels beside the meeting rooms", "show the room calendars", 0},
		{"svc-tools", "helpdesk tools", "a collection of scripts", 0},
		{"adm-lena", "Lena Dahl, as administrator", "remote PowerShell", 0},
	}
}

// hire turns the staff list into people with machines, phones and addresses.
func hire(list []entry, first int, rng *rand.Rand, tools *arsenal) map[string]*person {
	people := make(map[string]*person, len(list))
	phones, legacy, browsers := 0, 0, 0
	for i, e := range list {
		m := newMember(e.sam, first+i, rng, tools)
		m.inside = fmt.Sprintf("10.20.7.%d", 20+first+i)
		m.outlook = tools.outlook[1+(first+i)%(len(tools.outlook)-1)]
		if e.habits&(formsWebmail|federatedWeb) != 0 {
			m.browser = tools.browsers[browsers%len(tools.browsers)]
			browsers++
		}
		switch {
		case e.habits&basicPhone != 0:
			m.phone = tools.legacyPhones[1+legacy%(len(tools.legacyPhones)-1)]
			legacy++
		case e.habits&modernPhone != 0:
			m.phone = tools.phones[phones%len(tools.phones)]
			phones++
		}
		m.sync = "&User=contoso.com%5C" + e.sam + "&DeviceId=" + letters(rng, 26) + "&DeviceType=" + deviceType(m.phone)
		people[e.sam] = &person{member: m, full: e.full, role: e.role, habits: e.habits}
	}
	return people
}
