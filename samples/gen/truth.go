package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A row of the truth: how many requests an account made this way, each counted once.
type row struct {
	User      string `json:"user"`
	Protocol  string `json:"protocol"`
	Auth      string `json:"auth"`
	Mechanism string `json:"mechanism"`
	Outcome   string `json:"outcome"`
	Evidence  string `json:"evidence"`
	Count     int    `json:"count"`
}

// A source is one kind of log of one server about one protocol in one hour: what can have been heard.
type source struct {
	kind, server, protocol string
	hour                   int64
}

// A telling is a sign-in as one line of one log tells it. A weak one counts only where the other kind of log was silent.
type telling struct {
	source
	row  row
	weak bool
}

// A ledger collects what every line of every readable log tells, and settles what counts.
type ledger struct {
	heard    map[source]bool
	tellings []telling
	files    []fileCount
}

// fileCount says how many lines a file holds, unpacked, and how many of them are sign-ins before told-twice removal.
type fileCount struct {
	Path    string `json:"path"`
	Kind    string `json:"kind"`
	Lines   int    `json:"lines"`
	SignIns int    `json:"signins"`
	Note    string `json:"note,omitempty"`
}

// truth is the document beside the samples: counts that no code of Outmode took part in.
type truth struct {
	Rows        []row       `json:"rows"`
	Counted     int         `json:"counted"`
	ToldTwice   int         `json:"told_twice"`
	SignInLines int         `json:"signin_lines"`
	Lines       int         `json:"lines"`
	Files       []fileCount `json:"files"`
}

func newLedger() *ledger { return &ledger{heard: make(map[source]bool)} }

// line records that a readable log mentions a request, and the sign-in it tells, if it tells one.
func (l *ledger) line(kind string, r *request, told *row, weak bool) bool {
	protocol := "other"
	if r.vdir != nil {
		protocol = r.vdir.word
	}
	from := source{kind, r.server.name, protocol, r.end / hour}
	if r.port != "444" {
		l.heard[from] = true
	}
	if told == nil {
		return false
	}
	told.Protocol = protocol
	l.tellings = append(l.tellings, telling{from, *told, weak})
	return true
}

// strong records a sign-in that only one kind of log can tell.
func (l *ledger) strong(r row) { l.tellings = append(l.tellings, telling{row: r}) }

// settle counts every request once.
func (l *ledger) settle() *truth {
	other := map[string]string{"iis": "httpproxy", "httpproxy": "iis"}
	counts := make(map[row]int)
	t := &truth{SignInLines: len(l.tellings), Files: l.files}
	for _, one := range l.tellings {
		opposite := one.source
		opposite.kind = other[one.kind]
		if one.weak && l.heard[opposite] {
			t.ToldTwice++
			continue
		}
		counts[one.row]++
		t.Counted++
	}
	for r, n := range counts {
		r.Count = n
		t.Rows = append(t.Rows, r)
	}
	slices.SortFunc(t.Rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Auth, b.Auth),
			cmp.Compare(a.Mechanism, b.Mechanism), cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Evidence, b.Evidence))
	})
	for _, f := range t.Files {
		t.Lines += f.Lines
	}
	return t
}

// json writes one row, and one file, a line.
func (t *truth) json() []byte {
	b := fmt.Appendf(nil, "{\"counted\":%d,\"told_twice\":%d,\"signin_lines\":%d,\"lines\":%d,\n", t.Counted, t.ToldTwice, t.SignInLines, t.Lines)
	b = appendList(append(b, "\"rows\":"...), t.Rows)
	b = appendList(append(b, ",\n\"files\":"...), t.Files)
	return append(b, "}\n"...)
}

func appendList[T any](b []byte, list []T) []byte {
	for i, one := range list {
		separator := ",\n"
		if i == 0 {
			separator = "[\n"
		}
		b = append(b, separator...)
		text, err := json.Marshal(one)
		if err != nil {
			panic(err) // strings and numbers always marshal
		}
		b = append(b, text...)
	}
	return append(b, "\n]"...)
}

// toldByProxy is what the HttpProxy log says of a request.
func toldByProxy(r *request) (*row, bool) {
	if r.authenticated && r.account != "" {
		if isReserved(r.account) {
			return nil, false
		}
		outcome := "success"
		if r.status == 401 {
			outcome = "blocked"
		}
		return &row{User: strings.ToLower(r.account), Auth: authWord(r.label), Outcome: outcome, Evidence: "proven"}, false
	}
	if strings.EqualFold(r.label, "Basic") && r.status == 401 && !isProbe(r) {
		return &row{Auth: "basic", Outcome: "failure", Evidence: "claimed"}, true
	}
	return nil, false
}

// toldByIIS is what the front end's IIS log says of a request.
func toldByIIS(r *request, logsScheme bool) (*row, bool) {
	user := strings.ToLower(r.name)
	switch {
	case isReserved(r.name) || r.name == "" && isProbe(r):
		return nil, false
	case r.name == "" && r.status == 403 && slices.Contains([]int{7, 12, 13, 16, 17}, r.substatus):
		return &row{Auth: "certificate", Outcome: "failure", Evidence: "inferred"}, false
	case r.name == "":
		return nil, false
	case r.status == 401 && r.substatus == 1 && slices.Contains([]uint32{1326, 1907, 1909, 1330, 1331, 1793}, r.win32):
		return &row{User: user, Auth: "basic", Outcome: "failure", Evidence: "inferred"}, false
	case r.status == 401:
		return nil, false
	case logsScheme && r.scheme != "":
		return &row{User: user, Auth: authWord(r.scheme), Outcome: "success", Evidence: "proven"}, true
	}
	return &row{User: user, Auth: "unknown", Outcome: "success", Evidence: "inferred"}, true
}

// toldByBackEnd is what the back end's IIS log says: only an account that does not come from a server counts.
func toldByBackEnd(r *request, servers []*server) *row {
	known := r.name == "" || r.name == "Anonymous" || isReserved(r.name) || strings.HasPrefix(r.ip, "fe80:") || r.ip == "::1" || r.ip == "127.0.0.1"
	for _, s := range servers {
		known = known || r.ip == s.ip
	}
	if known {
		return nil
	}
	return &row{User: strings.ToLower(r.name), Auth: "unknown", Outcome: "success", Evidence: "inferred"}
}

func authWord(label string) string {
	return map[string]string{
		"Basic": "basic", "NTLM": "ntlm", "Negotiate": "negotiate", "Kerberos": "kerberos", "FBA": "forms",
		"Bearer": "oauth", "ADFS": "adfs", "SSL/PCT": "certificate",
	}[label]
}

// isReserved says whether an account belongs to a server or to Exchange itself.
func isReserved(account string) bool {
	lower := strings.ToLower(account)
	if strings.HasPrefix(lower, `nt authority\`) || strings.HasPrefix(lower, `autorite nt\`) || lower == "s-1-5-18" || strings.HasSuffix(lower, "$") {
		return true
	}
	bare := lower[strings.LastIndexByte(lower, '\\')+1:]
	return strings.HasPrefix(bare, "healthmailbox") || strings.HasPrefix(bare, "systemmailbox{") || strings.HasPrefix(bare, "sm_")
}

// isProbe says whether a request that names nobody is monitoring.
func isProbe(r *request) bool {
	return strings.HasSuffix(r.stem, "/healthcheck.htm") || slices.Contains([]string{"AMProbe/Local/ClientAccess", "LoadBalancer-HealthCheck"}, r.agent.sent)
}
