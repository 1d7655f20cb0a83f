package main

import (
	"fmt"
	"strings"
)

// A verdict is what a line is, in the words of the ledger.
type verdict uint8

const (
	other verdict = iota
	signIn
	noise
	malformed
	directive
)

// lines counts lines by verdict. It is also how the ledger writes them.
type lines struct {
	Total     int64 `json:"total"`
	SignIn    int64 `json:"signin"`
	MFA       int64 `json:"mfa"`
	Noise     int64 `json:"noise"`
	Other     int64 `json:"other"`
	Malformed int64 `json:"malformed"`
	Directive int64 `json:"directive"`
}

func (l *lines) count(v verdict, n int64) {
	l.Total += n
	switch v {
	case signIn:
		l.SignIn += n
	case noise:
		l.Noise += n
	case malformed:
		l.Malformed += n
	case directive:
		l.Directive += n
	default:
		l.Other += n
	}
}

func (l *lines) add(o lines) {
	l.Total += o.Total
	l.SignIn += o.SignIn
	l.MFA += o.MFA
	l.Noise += o.Noise
	l.Other += o.Other
	l.Malformed += o.Malformed
	l.Directive += o.Directive
}

// A key is what sign-ins are counted by here. It is coarser than the daemon's own: what it leaves out, as the family of
// the client, is summed over, because being right about it is not what is on trial.
type key struct {
	server, dataset, user, protocol, auth, outcome string
}

func (k key) String() string {
	return strings.Join([]string{k.server, k.dataset, fmt.Sprintf("%q", k.user), k.protocol, k.auth, k.outcome}, " ")
}

// A told is what one line tells. A weak sign-in counts only where no other log tells the same request, which the daemon
// decides later; so no more can be asked than that it is never counted more often than it was written.
type told struct {
	verdict verdict
	key     key // of a sign-in
	weak    bool
}

// A fileTally is what was written to one file.
type fileTally struct {
	path    string // with slashes
	dataset string
	lines   lines
	size    int64
}

// A tally is the writer's own account of everything it wrote. It is kept while the lines are made, from knowing what
// they say, and never by reading them again.
type tally struct {
	files  []*fileTally
	strong map[key]int64
	weak   map[key]int64
}

func newTally() *tally {
	return &tally{strong: map[key]int64{}, weak: map[key]int64{}}
}

// open begins the account of a file.
func (t *tally) open(path, dataset string) *fileTally {
	f := &fileTally{path: path, dataset: dataset}
	t.files = append(t.files, f)
	return f
}

// line counts a line of a file.
func (t *tally) line(f *fileTally, what told, bytes int) {
	f.size += int64(bytes)
	f.lines.count(what.verdict, 1)
	switch {
	case what.verdict != signIn:
	case what.weak:
		t.weak[what.key]++
	default:
		t.strong[what.key]++
	}
}

// lines is the sum over all files.
func (t *tally) lines() lines {
	var sum lines
	for _, f := range t.files {
		sum.add(f.lines)
	}
	return sum
}

func (t *tally) size() int64 {
	var sum int64
	for _, f := range t.files {
		sum += f.size
	}
	return sum
}
