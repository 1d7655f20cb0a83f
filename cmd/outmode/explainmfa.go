package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// An explainedMFA is what a line says of a second factor.
type explainedMFA struct {
	Time        string `json:"time"` // "" of a line that has none
	User        string `json:"user"`
	Application string `json:"application"`
	Address     string `json:"address"`
	Factor      string `json:"factor"`
	Outcome     string `json:"outcome"`
	Reason      string `json:"reason"`
	Gateway     string `json:"gateway"`
	Transaction string `json:"transaction"`
}

// factorOf returns it, nil where the line says nothing, or was not looked at.
func factorOf(e *ingest.Explained) *explainedMFA {
	m, at := e.Undated, ""
	if m == nil {
		if e.SignIn == nil || e.Verdict != signin.MFALine && e.Verdict != signin.SignInLine {
			return nil
		}
		if m = e.SignIn.Facts.MFA; m == nil || m.Outcome == signin.NoFactor {
			return nil
		}
		at = rfc3339(m.Time)
	}
	return &explainedMFA{at, string(m.User), string(m.Application), string(m.Address), string(m.Factor), m.Outcome.String(), string(m.Reason), string(m.Gateway), string(m.Transaction)}
}

// factor prints it.
func factor(b *strings.Builder, m *explainedMFA) {
	if m == nil {
		return
	}
	with := func(name, value string) string {
		if value == "" {
			return ""
		}
		return ", " + name + " " + cell(value)
	}
	fmt.Fprintf(b, "  mfa       %s of %s at %s%s%s%s%s%s%s\n", m.Outcome, cell(m.User), cmp.Or(m.Time, "a time that is not known"),
		with("by", m.Factor), with("reason", m.Reason), with("for", m.Application), with("from", m.Address), with("at", m.Gateway), with("transaction", m.Transaction))
}
