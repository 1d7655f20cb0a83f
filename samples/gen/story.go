package main

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

const balancer = "10.20.0.5"

// A story is two days of Contoso: who did what, on which server, at what instant. It knows nothing of files.
type story struct {
	rng    *rand.Rand
	tools  *arsenal
	vdirs  *vdirs
	people map[string]*person
	order  []string // the keys of people, as the staff list has them

	ex01, ex02, ex03 *server
	requests         []*request
	mail             []*mailLine
	factors          *factors
}

// newStory tells the whole story, in the same words every time.
func newStory() *story {
	s := &story{
		rng: rand.New(rand.NewPCG(20261006, 0x636f6e746f736f)), tools: newArsenal(), vdirs: newVdirs(), factors: newFactors(),
		ex01: newServer("EX01", "10.20.1.11", build2019()),
		ex02: newServer("EX02", "10.20.1.12", build2016()),
		ex03: newServer("EX03", "10.20.1.13", build2019()),
	}
	s.people = hire(staff(), 0, s.rng, s.tools)
	maps.Copy(s.people, hire(services(), len(staff()), s.rng, s.tools))
	for _, e := range slices.Concat(staff(), services()) {
		s.order = append(s.order, e.sam)
	}
	s.office()
	s.legacy()
	s.clients()
	s.attacks()
	s.strangers()
	s.innocents()
	s.oddities()
	s.mailboxes()
	s.submissions()
	s.secondFactors() // last: what it asks of the dice changes nothing of the others
	s.reservedName()  // and this behind it, for the same reason
	slices.SortStableFunc(s.requests, func(a, b *request) int { return int(a.end - b.end) })
	return s
}

// request records a request that ended at an instant.
func (s *story) request(end int64, on *server, v *vdir, stem string) *request {
	dice := s.rng.Uint64()
	r := &request{
		end: end, taken: 5 + int64(dice&63), id: guid{s.rng.Uint64(), s.rng.Uint64()}, noise: dice >> 8,
		server: on, vdir: v, stem: stem, port: "443", method: "POST", host: "mail.contoso.com", suffix: suffixCafe,
		status: 200, backend: 200, in: int64(dice >> 20 & 0x7ff), out: int64(dice >> 32 & 0x1fff), agent: s.tools.none,
	}
	if v == s.vdirs.owa || v == s.vdirs.ecp {
		r.suffix = suffixEncoding
	}
	s.requests = append(s.requests, r)
	return r
}

// comesFrom says where the request came from. EX01 sees its clients; the balancer hides those of the other
// servers behind its own address and passes theirs on in X-Forwarded-For.
func (r *request) comesFrom(address string) *request {
	r.ip = address
	if !isInside(address) && r.server.name != "EX01" {
		r.ip, r.forward = balancer, address
	}
	return r
}

func isInside(address string) bool {
	return strings.HasPrefix(address, "10.") || strings.HasPrefix(address, "fe80:") || address == "127.0.0.1" || address == "::1"
}

// by says who made the request and what the server says of the credential.
func (r *request) by(p *person, label, address string) *request {
	r.signed(&p.member, label, address)
	r.scheme = label
	return r.comesFrom(address)
}

// answered sets what the client got.
func (r *request) answered(status, backend int) *request {
	r.status, r.backend = status, backend
	if backend >= 400 {
		r.errorCode = "ProtocolError"
		r.errors = "WebExceptionStatus=ProtocolError;ResponseStatusCode=" + string(appendInt(nil, int64(backend))) + ";"
	}
	return r
}

// refused turns the request into one whose password was wrong: IIS says whose, the HttpProxy log only that it was Basic.
func (r *request) refused(name, label string, win32 uint32, address string) *request {
	r.name = name
	r.unanswered(label, 1, win32)
	return r.comesFrom(address)
}

// anyServer is where the balancer sends the next request: half of them to EX01.
func (s *story) anyServer() *server {
	return [4]*server{s.ex01, s.ex01, s.ex02, s.ex03}[s.rng.IntN(4)]
}

// jitter is a random number of milliseconds below a bound.
func (s *story) jitter(bound int64) int64 { return s.rng.Int64N(bound) }

// every calls do at a regular step from one instant until another.
func every(from, to string, step int64, do func(t int64)) {
	for t := at(from); t < at(to); t += step {
		do(t)
	}
}

// The days of the story.
func days() [2]string { return [2]string{"2026-10-06", "2026-10-07"} }
