package rules_test

import (
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// documents are the rules of the built-in packs, one a text.
func documents() (all []string) {
	for _, file := range rules.Builtin() {
		all = append(all, strings.Split(string(file.Data), "\n---\n")...)
	}
	return all
}

// FuzzLoad: whatever a rule file holds, loading it ends, says the same each time, and names each
// mistake at a place that is in the file, in a message that is fit for a terminal.
func FuzzLoad(f *testing.F) {
	for i, text := range documents() {
		if i > 0 { // one whole; of the others not the tests, since the fuzzer does more with less
			text, _, _ = strings.Cut(text, "\ntests:")
		}
		f.Add([]byte(text))
		f.Add([]byte(strings.NewReplacer("severity", "severty", `"basic"`, `"basik"`, "TA0", "T0", "when: ", "when: oops && ").Replace(text)))
	}
	for _, text := range []string{
		head + "when: in_list(user, \"a\") && cidr(address, \"10.0.0.0/8\")\n---\nlists: {a: [b*, c]}\n",
		head + "type: sequence\nwindow: 1h\nsteps:\n  - &a internal\n  - *a\n",
		head + "type: threshold\nthreshold: 0\nwindow: 9999d\nzone: Local\ngroup_by: [time, usr]\ndistinct: x\nwhen: >\n  a\n\n  b\n",
		head + "when: user matches '(' || glob(user, '') || date('x') < time\ntests: [{name: a, file: x, logs: [{}], expect: {}}]\n",
		head + "when: |2-\n    protocol == \"ewss\" ||\n    (((status in [1, \"x\"]\n",
		"a: &a [*a]\n? b\n- - - {x: [}\n\"\\u00", "\xff\xfeid", "\uFEFFid: A\r\n...\r\n---\r\nid: &x [*x]",
		head + "when: \"user == \\\"" + strings.Repeat("long", 300) + "\\\"\"\n" + strings.Repeat("k", 300) + ": 1\n",
		head + "when: " + strings.Repeat("x", 5000) + " == '" + strings.Repeat("y", 5000) + "'\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		files := []rules.File{{Name: "f", Data: text}}
		set, ps := rules.Load(files)
		if (set == nil) != (len(ps) > 0) {
			t.Fatalf("set %v, problems %v", set, ps)
		}
		again, more := rules.Load(files)
		if !reflect.DeepEqual(ps, more) || (set == nil) != (again == nil) || set != nil && !reflect.DeepEqual(set.Rules(), again.Rules()) {
			t.Fatalf("loaded twice: %v, then %v", ps, more)
		}
		// To YAML, \r ends a line too.
		lines := strings.Count(strings.ReplaceAll(string(text), "\r", "\n"), "\n") + 1
		for i, p := range ps {
			if p.File != "f" || (p.Line < 1 || p.Column < 1) && len(text) <= 1<<20 || p.Line > lines {
				t.Errorf("a place that is none, in %d lines: %+v", lines, p)
			}
			if i > 0 && (p.Line < ps[i-1].Line || p.Line == ps[i-1].Line && p.Column < ps[i-1].Column) {
				t.Errorf("%v comes behind %v", p, ps[i-1])
			}
			if p.Message == "" || len(p.Message) > 1000 || !utf8.ValidString(p.Message) || strings.ContainsFunc(p.Message, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("a message of %d bytes: %.1000q", len(p.Message), p.Message)
			}
			if n := quoted(p.Message, string(text)); n > 200 {
				t.Errorf("a message that quotes %d bytes: %q", n, p.Message)
			}
		}
	})
}

// quoted is how many bytes of a message stand in the source as well, in runs that are no accident.
func quoted(message, source string) (n int) {
	const run = 24
	for i := 0; i+run <= len(message); {
		size := run
		if !strings.Contains(source, message[i:i+size]) {
			i++
			continue
		}
		for i+size < len(message) && strings.Contains(source, message[i:i+size+1]) {
			size++
		}
		n += size
		i += size
	}
	return n
}

// FuzzExpression: what a rule may say means to the split evaluator exactly what it means to expr.
func FuzzExpression(f *testing.F) {
	set, _ := rules.Load(rules.Builtin())
	for _, r := range set.Rules() {
		for _, text := range append(r.Steps, r.When) {
			if text != "" {
				f.Add(text, uint64(1))
			}
		}
	}
	r := newRand(1)
	for range 40 {
		f.Add(expression(r, 3), uint64(2))
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return
		}
		set, problems := rules.Load([]rules.File{{Name: "f", Data: []byte(testLists + rule(text))}})
		if len(problems) > 0 {
			return
		}
		// YAML may fold what the quotes hold: what was loaded is what is compared.
		rs := &randomSet{set: set, source: [][]string{{set.Rules()[0].When}}}
		p, err := rules.CompilePlain(set, set.Rules()[0].When, time.UTC)
		if err != nil {
			t.Fatalf("expr does not compile what was accepted: %v", err)
		}
		rs.plain = [][]*rules.Plain{{p}}
		r := newRand(seed)
		w, j := newWorld(r), set.NewJudge()
		for range 20 {
			rs.check(t, j, w.signIn(r))
		}
	})
}

// The built-in rules mean to the split evaluator what they mean to expr, over sign-ins of any fields.
func TestBuiltinEqualsPlain(t *testing.T) {
	t.Parallel()
	set, problems := rules.Load(rules.Builtin())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	rs := &randomSet{set: set}
	for _, r := range set.Rules() {
		texts := r.Steps
		if r.When != "" {
			texts = []string{r.When}
		}
		var plain []*rules.Plain
		for _, text := range texts {
			p, err := rules.CompilePlain(set, text, time.UTC)
			if err != nil || r.Zone != "" {
				t.Fatalf("%s: %v; zone %q", r.ID, err, r.Zone)
			}
			plain = append(plain, p)
		}
		rs.plain, rs.source = append(rs.plain, plain), append(rs.source, texts)
	}
	j := set.NewJudge()
	for seed := range uint64(4) {
		r := newRand(seed)
		w := newWorld(r)
		for range 300 {
			s := w.signIn(r)
			if seed%2 == 0 { // most of what the pack is about
				s.Auth, s.Evidence = signin.Basic, signin.Proven
			}
			s.Protocol = signin.Protocol(r.IntN(len(signin.Words("protocol"))))
			rs.check(t, j, s)
		}
	}
}
