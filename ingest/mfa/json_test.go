package mfa

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestPick(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		record string
		want   string // a, b.c, d
		err    error
	}{
		{`{"a":1,"b":{"c":"x"},"d":[1,{"a":2}]}`, `1|x|[1,{"a":2}]`, nil},
		{` { "A" : "q\"\\\u00e9\ud83d\ude00\n" , "B":{"z":{"c":0},"C":true} } `, "q\"\\é😀\n|true|", nil},
		{`{"b":{},"d":null,"a":""}`, "||", nil},
		{`{"b":"no object","x":"}]\"","a":-1.5e3}`, "-1.5e3||", nil},
		{`{"a":1,"a":2}`, "2||", nil},
		{`{"d":"[{\"x\":\"y\"}]"}`, `||[{"x":"y"}]`, nil},
		{`{}`, "||", nil},
		{`{"a":"\q\u12"}`, "q\uFFFD12||", nil},
		{`[1]`, "", errNoObject},
		{``, "", errNoObject},
		{`{"a":1`, "", errCut},
		{`{"a":"x`, "", errCut},
		{`{"a":{"x":[1,2`, "", errCut},
		{`{"a":tru}`, "", errSyntax},
		{`{"a":1]`, "", errSyntax},
		{`{"x":{"y":[}]}`, "", errSyntax},
		{`{"a" 1}`, "", errSyntax},
		{`{"a":1}}`, "", errTrailing},
		{`{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`, "", errDeep},
	} {
		p := newPicker("a", "b.c", "d")
		if err := p.pick([]byte(c.record)); !errors.Is(err, c.err) || err == nil && c.err != nil {
			t.Errorf("%s: %v, want %v", c.record, err, c.err)
			continue
		}
		if c.err != nil {
			continue
		}
		if got := fmt.Sprintf("%s|%s|%s", p.text(0), p.text(1), p.json(2)); got != c.want {
			t.Errorf("%s: %s, want %s", c.record, got, c.want)
		}
	}
}

func TestEach(t *testing.T) {
	t.Parallel()
	for array, want := range map[string]string{
		`[]`: "", `[1]`: "1;", ` [ {"a":[1,2]} , "x,]" ,null ] `: `{"a":[1,2]};"x,]";null;`, `{"a":1}`: "", `[1,`: "1;", ``: "",
	} {
		var got strings.Builder
		each([]byte(array), func(e []byte) bool { fmt.Fprintf(&got, "%s;", e); return true })
		if got.String() != want {
			t.Errorf("%s: %s, want %s", array, got.String(), want)
		}
	}
}

// FuzzPick holds the picker against encoding/json: what that reads, it reads alike.
func FuzzPick(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":{"c":"x"},"d":[1,{"a":2}]}`))
	f.Add([]byte(`{"b":{"c":"\u00e9\ud83d\ude00\\\""},"a":null}`))
	f.Fuzz(func(t *testing.T, record []byte) {
		p := newPicker("a", "b.c", "d")
		err := p.pick(record)
		var v map[string]json.RawMessage
		if json.Unmarshal(record, &v) != nil || v == nil || deep(record) {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", record, err)
		}
		raw, n := json.RawMessage(nil), 0
		for k, x := range v {
			if strings.EqualFold(k, "a") && len(k) == 1 {
				raw, n = x, n+1
			}
		}
		var text string
		if n == 1 && json.Unmarshal(raw, &text) == nil && string(raw) != "null" && text != string(p.text(0)) && !strings.Contains(text, "\uFFFD") && bytes.Count(record, []byte(`"`)) == 4 {
			t.Fatalf("%s: %q, want %q", record, p.text(0), text)
		}
	})
}

func deep(record []byte) bool {
	return bytes.Count(record, []byte("[")) >= maxDepth || bytes.Count(record, []byte("{")) >= maxDepth
}

func BenchmarkPick(b *testing.B) {
	record := []byte(`{"access_device":{"browser":"Chrome","ip":"198.51.100.7","location":{"city":"Ann Arbor"}},"application":{"key":"DIY231J8BR23QK4UKBY8","name":"Exchange OWA"},` +
		`"factor":"duo_push","isotimestamp":"2026-10-06T07:20:54.700050+00:00","reason":"user_approved","result":"success","timestamp":1791270054,"txid":"78e1a910-350b-4226-828b-edb0ac2f2e3c","user":{"groups":["AD Sync"],"name":"anna"}}`)
	b.Run("picker", func(b *testing.B) {
		p := newPicker("user.name", "alias", "email", "application.name", "access_device.ip", "factor", "reason", "result", "isotimestamp", "timestamp", "txid")
		b.SetBytes(int64(len(record)))
		b.ReportAllocs()
		for b.Loop() {
			if err := p.pick(record); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(record)))
		b.ReportAllocs()
		for b.Loop() {
			var v map[string]any
			if err := json.Unmarshal(record, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
