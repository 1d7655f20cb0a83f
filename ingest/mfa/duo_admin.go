package mfa

import (
	"bytes"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// admin is a record of the administrator log. An action that opens a bypass or weakens the second factor is an event of
// the configuration: its user is the object of the action, its reason the action and the status that it set. Every other
// action tells of no second factor.
func (d *duo) admin(f *signin.Facts) ingest.Decoded {
	f.Kind = signin.DuoAdmin
	var ok bool
	if f.Time, ok = d.when(); !ok {
		return unread(f, noteNoTime)
	}
	f.Server = present(d.json.text(duoHost))
	detail := d.json.values[duoDetail]
	if len(detail) > 0 && detail[0] == '"' {
		detail = bytes.TrimSpace(d.json.unquote(detail))
	}
	return d.action(f, d.json.text(duoAction), d.json.text(duoObject), detail)
}

// action judges what an administrator did. detail is the description: JSON, and sometimes broken.
func (d *duo) action(f *signin.Facts, action, object, detail []byte) ingest.Decoded {
	action = d.words.lower(action)
	if len(action) == 0 {
		return unread(f, noteAdminAction)
	}
	status, whole := d.status(detail)
	outcome := d.options.outcome(signin.DuoAdmin, duoActions, action)
	if outcome == signin.FactorUnknown && (isWord(status, "bypass") || bytes.HasPrefix(action, []byte("deactivation_")) || !whole && sets(action)) {
		outcome = signin.FactorConfig
	}
	if outcome == signin.FactorUnknown {
		f.Note = noteAdminOther
		return ingest.Facts
	}
	reason := action
	if len(status) > 0 {
		from := len(d.words.text)
		d.words.text = append(append(d.words.text, action...), ' ')
		d.words.word(status)
		reason = d.words.since(from)
	}
	d.event = signin.MFAFacts{Time: f.Time, User: present(object), Outcome: outcome, Reason: reason, Gateway: f.Server}
	f.MFA = &d.event
	return ingest.Facts
}

// sets reports whether an action may set the status of a user or of a group: if its description is broken and shows no
// status, it may have been Bypass.
func sets(action []byte) bool {
	return string(action) == "user_update" || string(action) == "group_update"
}

// status finds the status that a description sets. whole says whether what there is of a description could be read, or
// the status was found all the same.
func (d *duo) status(detail []byte) (status []byte, whole bool) {
	if len(detail) == 0 {
		return nil, true
	}
	if d.detail.pick(detail) == nil {
		return present(d.detail.text(0)), true
	}
	for rest := detail; ; {
		at := indexFold(rest, "status")
		if at < 0 {
			return nil, false
		}
		key := at == 0 || !inWord(rest[at-1]) // trusted_endpoint_status is another
		rest = rest[at+len("status"):]
		value, ok := bytes.CutPrefix(bytes.TrimLeft(rest, ` "`), []byte{':'})
		if !key || !ok {
			continue
		}
		value = bytes.TrimLeft(value, ` "`)
		end := 0
		for end < len(value) && (inWord(value[end]) || value[end] == ' ') {
			end++
		}
		return present(value[:end]), true
	}
}

func inWord(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c-'0' <= 9 }
