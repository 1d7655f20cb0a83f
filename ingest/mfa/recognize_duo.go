package mfa

import (
	"bytes"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// mostLooked is how many lines or records of a head are looked at.
const mostLooked = 64

// duoLook knows the logs of Duo's Admin API and of DuoLogSync.
func duoLook(o *Options, head []byte) ingest.Format {
	head = bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF"))
	if json := jsonHead(head); json != nil {
		return duoJSON(o, json)
	}
	kind, found := signin.DuoAdmin, false
	for line := range headLines(head) {
		var c cefLine
		if c.split(line) != "" {
			continue
		}
		found = true
		if log, _ := duoStreamOf(c.stream); log != duoAdmin {
			kind = signin.Duo
			break
		}
	}
	switch {
	case !found:
		return ingest.Format{}
	case kind == signin.DuoAdmin:
		return duoFormat(o, kind, "Duo administrator log, DuoLogSync CEF", true)
	}
	return duoFormat(o, kind, "Duo authentication log, DuoLogSync CEF", true)
}

func duoFormat(o *Options, kind signin.Kind, name string, named bool) ingest.Format {
	return ingest.Format{Kind: kind, Name: name, Named: named, Decoder: func() ingest.Decoder { return newDuo(o, kind) }}
}

// duoJSON knows Duo's records by their values. DuoLogSync may put all of its streams into one file: it is the
// administrator log only if nothing else is in it.
func duoJSON(o *Options, json []byte) ingest.Format {
	d := newDuo(o, signin.Duo)
	var auth, admin, other string
	named := false
	eachObject(json, func(record []byte) bool {
		_ = d.json.pick(record) // what stands before the cut is known all the same
		has := func(i int) bool { return d.json.values[i] != nil }
		host := d.json.text(duoHost)
		named = named || len(host) > 0
		stream, _ := duoStreamOf(d.json.text(duoStream))
		said, synced := has(duoStream), has(duoStream) && bytes.HasSuffix(host, []byte("duosecurity.com"))
		judged := has(duoFactor) && has(duoResult)
		switch {
		case judged && (isDuoType(d.json.text(duoType)) || said && stream == duoAuth):
			auth = "Duo authentication log v2"
			if !has(duoType) {
				auth = "Duo authentication log v1"
			}
			if synced {
				auth = "Duo authentication log, DuoLogSync JSON"
			}
		case judged && has(duoApp) && has(duoEnrollment):
			auth = "Duo authentication log v1"
		case said && stream == duoAdmin && has(duoAction), !said && has(duoAction) && has(duoName) && has(duoISO) && has(duoTime) && !has(duoResult):
			admin = "Duo administrator log"
		case synced:
			other = "Duo logs of other sorts, DuoLogSync JSON"
		}
		return auth == ""
	})
	switch {
	case auth != "":
		return wrappedFormat(json, duoFormat(o, signin.Duo, auth, named))
	case other != "":
		return wrappedFormat(json, duoFormat(o, signin.Duo, other, named))
	case admin != "":
		return wrappedFormat(json, duoFormat(o, signin.DuoAdmin, admin, named))
	case isDuoAnswer(json): // of an hour in which nothing happened; what is asked for next is written behind it
		return wrappedFormat(json, duoFormat(o, signin.Duo, "Duo authentication log v2", false))
	}
	return ingest.Format{}
}

// isDuoAnswer knows an answer of the API without a record by the name of its list.
func isDuoAnswer(json []byte) bool {
	p := newPicker("response.authlogs", "authlogs")
	_ = p.pick(json)
	for _, list := range p.values {
		if len(list) > 0 && list[0] == '[' {
			return true
		}
	}
	return false
}

// wrappedFormat frames a log of JSON. Documents: v2 answers with authlogs, v1 and the administrator log with an array, the
// activity and telephony logs with items, each in the response of an answer or by itself.
func wrappedFormat(head []byte, f ingest.Format) ingest.Format {
	return inJSON(f, head, []string{"response", "authlogs"}, []string{"authlogs"}, []string{"response", "items"}, []string{"items"}, []string{"response"})
}

func isDuoType(t []byte) bool { return isWord(t, "authentication") || isWord(t, "enrollment") }

// headLines gives the lines of a head that are complete, or the only one, blank ones left out.
func headLines(head []byte) func(func([]byte) bool) {
	if end := bytes.LastIndexByte(head, '\n'); end >= 0 {
		head = head[:end]
	}
	return func(yield func([]byte) bool) {
		n := 0
		for line := range bytes.Lines(head) {
			if line = bytes.TrimSpace(line); len(line) == 0 {
				continue
			}
			if n++; n > mostLooked || !yield(line) {
				return
			}
		}
	}
}

// jsonHead returns a head that begins as JSON does; nil for any other.
func jsonHead(head []byte) []byte {
	head = bytes.TrimLeft(head, " \t\r\n")
	if len(head) > 0 && (head[0] == '{' || head[0] == '[') {
		return head
	}
	return nil
}

// eachObject gives the records of a head of JSON to visit, until it returns false: documents behind each other, each a
// record or the answer of an API that wraps an array of them, or the objects of an array. The last may be cut.
func eachObject(json []byte, visit func(record []byte) bool) {
	n := 0
	few := func(record []byte) bool {
		n++
		return n <= mostLooked && visit(record)
	}
	objects(json, func(document []byte) bool {
		if json[0] == '{' {
			if inner := wrapped(document); inner != nil {
				return objects(inner, few)
			}
		}
		return few(document)
	})
}

// objects gives the objects that stand behind each other, or in an array, to visit, until it returns false: what it
// returns then.
func objects(json []byte, visit func(object []byte) bool) bool {
	p := picker{data: json}
	for {
		for c := p.next(); c == '[' || c == ',' || c == ']'; c = p.next() {
			p.at++
		}
		from := p.at
		if p.next() != '{' {
			return true
		}
		if p.skip(0) != nil {
			p.at = len(json)
		}
		if !visit(json[from:p.at]) {
			return false
		}
	}
}

// wrapped returns the array of records that an answer of Duo's API holds, or nil. No text within a record looks like it:
// there a quote has a backslash before it.
func wrapped(document []byte) []byte {
	for _, key := range []string{`"authlogs"`, `"items"`, `"response"`} {
		at := bytes.Index(document, []byte(key))
		if at < 0 {
			continue
		}
		rest := bytes.TrimLeft(document[at+len(key):], " \t\r\n")
		if rest, ok := bytes.CutPrefix(rest, []byte{':'}); ok {
			if rest = bytes.TrimLeft(rest, " \t\r\n"); len(rest) > 0 && rest[0] == '[' {
				return rest
			}
		}
	}
	return nil
}
