package rules

import (
	"bytes"

	"github.com/outmode/outmode/internal/signin"
)

// Ticks appends what this sign-in counts in rules that are decided by minutes. h is what Row or Line
// gave for it.
//
// The group of a tick is the values of the rule's group_by, joined by tabs, then what its finding
// must know besides: the protocol of a match, the dataset of a rule that looks at coverage. A rule
// about accounts or addresses counts nothing where the line names none, and a rule that counts
// values counts no empty one.
func (j *Judge) Ticks(dst []signin.Tick, h *signin.Hits, s *signin.SignIn) []signin.Tick {
	if !h.Ticks && !h.Later {
		return dst
	}
	j.text = j.text[:0]
	for _, t := range j.of(h).ruling.ticks {
		r := &j.set.rules[t.rule]
		if r.Type != Match {
			if _, nameless := r.nameless(s); nameless {
				continue
			}
		}
		tick := signin.Tick{Rule: t.rule, Step: t.step}
		if r.byValue {
			if tick.Distinct = j.hash(r, s); tick.Distinct == 0 {
				continue
			}
		}
		from := len(j.text)
		j.text = j.appendGroup(j.text, r, s)
		tick.Group = j.text[from:]
		dst = append(dst, tick)
	}
	return dst
}

// nameless returns the account or the address that the rule groups by, if the line lacks it.
func (r *compiled) nameless(s *signin.SignIn) (field, bool) {
	for _, f := range r.group[:r.visible] {
		if f == userField && s.Account.Key == "" || f == addressField && !s.Address.IP.IsValid() {
			return f, true
		}
	}
	return 0, false
}

// appendGroup appends the group of the rule that s belongs to.
func (j *Judge) appendGroup(b []byte, r *compiled, s *signin.SignIn) []byte {
	for i, f := range r.group {
		if i > 0 {
			b = append(b, '\t')
		}
		from := len(b)
		b = j.appendValue(b, f, r, s)
		// A tab within a value would pretend to be a border.
		for i := bytes.IndexByte(b[from:], '\t'); i >= 0; i = bytes.IndexByte(b[from:], '\t') {
			b[from+i] = ' '
		}
	}
	return b
}

// appendValue appends what value returns, without a string for what a flood of lines asks for.
func (j *Judge) appendValue(b []byte, f field, r *compiled, s *signin.SignIn) []byte {
	switch f {
	case userField:
		if a := s.Account; len(a.Key) < maxText {
			return appendSubject(b, a)
		}
	case addressField:
		if s.Address.IP.IsValid() {
			return s.Address.IP.AppendTo(b)
		}
		return b
	case pathField:
		return append(b, cutBytes(s.Facts.Path)...)
	}
	return append(b, j.eval.view.value(f, s, r.zone)...)
}

// hash is that of the value that the rule counts. It is 0 for no value.
func (j *Judge) hash(r *compiled, s *signin.SignIn) uint64 {
	j.value = j.appendValue(j.value[:0], r.distinct, r, s)
	return hashOf(j.value)
}

// hashOf is FNV-1a: the same in every run. It is 0 for no value.
func hashOf(value []byte) uint64 {
	if len(value) == 0 {
		return 0
	}
	h := uint64(14695981039346656037)
	for _, c := range value {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return max(h, 1)
}
