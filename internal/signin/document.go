package signin

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Place says where a document's line stands.
type Place struct {
	Path   string // of the log, as given
	ID     string // event.id: the hash of the log's name, the offset and the line
	Offset int64
	Length int // of the line without its line end
	MFA    MFA // what the gateways say of it
}

// AppendDocument appends the JSON of a sign-in: an ECS document with what ECS has no field for under
// "outmode". A field that the log did not give is left out. The result is one valid JSON object on
// one line, whatever bytes the log held.
// Source of the field names: the Elastic Common Schema.
func AppendDocument(b []byte, s *SignIn, at Place) []byte {
	f := s.Facts
	b = append(b, `{"@timestamp":"`...)
	b = AppendTime(b, f.Time)
	b = append(b, `","ecs":{"version":"8.17.0"},"event":{"kind":"event","category":["authentication"],"type":["start"],"action":"signin","outcome":"`...)
	b = append(b, ecsOutcome(s.Outcome)...)
	b = append(b, `","dataset":"outmode.`...)
	b = append(b, f.Kind.String()...)
	b = append(b, `","id":"`...)
	b = append(b, at.ID...)
	b = append(b, `"}`...)
	b = appendUser(b, s.Account)
	b = appendSource(b, s.Address)
	if s.Client.Agent != "" {
		b = append(b, `,"user_agent":{"original":`...)
		b = append(AppendString(b, AgentOf(f)), '}')
	}
	b = appendHTTP(b, f)
	if s.Server != "" {
		b = append(b, `,"observer":{"hostname":`...)
		b = append(AppendString(b, s.Server), '}')
	}
	b = append(b, `,"log":{"file":{"path":`...)
	b = append(AppendString(b, at.Path), `}}`...)
	b = appendOwn(b, s, at)
	return append(b, '}')
}

// ecsOutcome is the outcome in ECS's words, which are three.
func ecsOutcome(o Outcome) string {
	switch o {
	case Success:
		return "success"
	case Failure, Blocked:
		return "failure"
	}
	return "unknown"
}

func appendUser(b []byte, a *Account) []byte {
	if a == nobody {
		return b
	}
	b = append(b, `,"user":{"name":`...)
	b = AppendString(b, a.Name)
	if a.Domain != "" {
		b = append(b, `,"domain":`...)
		b = AppendString(b, a.Domain)
	}
	switch a.Form {
	case UPN:
		b = append(b, `,"email":`...)
		b = AppendString(b, a.Name+"@"+a.Domain)
	case SID:
		b = append(b, `,"id":`...)
		b = AppendString(b, strings.ToUpper(a.Key))
	}
	return append(b, '}')
}

func appendSource(b []byte, a *Address) []byte {
	if a.Raw == "" {
		return b
	}
	b = append(b, `,"source":{`...)
	if a.IP.IsValid() {
		b = append(b, `"ip":"`...)
		b = a.IP.AppendTo(b)
		b = append(b, `",`...)
	}
	b = append(b, `"address":`...)
	return append(AppendString(b, a.Raw), '}')
}

func appendHTTP(b []byte, f *Facts) []byte {
	if len(f.Method) > 0 || f.Status > 0 {
		b = append(b, `,"http":{`...)
		if len(f.Method) > 0 {
			b = append(b, `"request":{"method":`...)
			b = append(AppendString(b, f.Method), '}')
		}
		if f.Status > 0 {
			if len(f.Method) > 0 {
				b = append(b, ',')
			}
			b = append(b, `"response":{"status_code":`...)
			b = append(strconv.AppendUint(b, uint64(f.Status), 10), '}')
		}
		b = append(b, '}')
	}
	if len(f.Path) > 0 {
		b = append(b, `,"url":{"path":`...)
		b = append(AppendString(b, f.Path), '}')
	}
	return b
}

func appendOwn(b []byte, s *SignIn, at Place) []byte {
	word := func(key, value string) {
		b = append(b, `,"`...)
		b = append(b, key...)
		b = append(b, `":"`...)
		b = append(b, value...)
		b = append(b, '"')
	}
	b = append(b, `,"outmode":{"protocol":"`...)
	b = append(b, s.Protocol.String()...)
	b = append(b, '"')
	word("auth", s.Auth.String())
	if s.Mechanism != NoMechanism {
		word("mechanism", s.Mechanism.String())
	}
	word("outcome", s.Outcome.String())
	word("evidence", s.Evidence.String())
	word("traffic", s.Traffic.String())
	b = append(b, `,"client":{"family":`...)
	b = AppendString(b, s.Client.Family)
	if s.Client.Version != "" {
		b = append(b, `,"version":`...)
		b = AppendString(b, s.Client.Version)
	}
	word("modern", s.Client.Modern.String())
	b = append(b, `},"internal":`...)
	b = strconv.AppendBool(b, s.Internal)
	b = append(b, `,"backend":`...)
	b = strconv.AppendBool(b, s.Backend)
	word("mfa", at.MFA.String())
	if len(s.Facts.RequestID) > 0 {
		b = append(b, `,"request_id":`...)
		b = AppendString(b, s.Facts.RequestID)
	}
	b = append(b, `,"offset":`...)
	b = strconv.AppendInt(b, at.Offset, 10)
	b = append(b, `,"length":`...)
	b = strconv.AppendInt(b, int64(at.Length), 10)
	return append(b, '}')
}

// AppendTime appends Unix milliseconds as RFC 3339 in UTC, with milliseconds only where there are any.
func AppendTime(b []byte, ms int64) []byte {
	layout := "2006-01-02T15:04:05Z"
	if ms%1000 != 0 {
		layout = "2006-01-02T15:04:05.000Z"
	}
	return time.UnixMilli(ms).UTC().AppendFormat(b, layout)
}

// Unseen tells the characters above U+007E that a terminal or a script obeys instead of showing them: DEL and the C1
// controls, those that turn the direction of writing, and the line separators.
func Unseen(r rune) bool {
	return 0x7f <= r && r < 0xa0 || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}

// AppendString appends s as a JSON string: what is Unseen and the other control characters escaped, bytes that are not
// UTF-8 replaced.
func AppendString[T string | []byte](b []byte, s T) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			switch {
			case c == '"' || c == '\\':
				b = append(b, '\\', c)
			case c < 0x20 || c == 0x7f:
				b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			default:
				b = append(b, c)
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(string(s[i:min(len(s), i+utf8.UTFMax)]))
		switch {
		case r == utf8.RuneError && n == 1:
			b = append(b, "\uFFFD"...)
		case Unseen(r):
			b = append(b, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		default:
			b = append(b, s[i:i+n]...)
		}
		i += n
	}
	return append(b, '"')
}
