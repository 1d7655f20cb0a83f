package rules_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/outmode/outmode/rules"
)

// shape prints a node as a test reads it.
func shape(n rules.Node) string {
	switch n.Kind {
	case rules.ListNode:
		var items []string
		for _, i := range n.Items {
			items = append(items, shape(i))
		}
		return "[" + strings.Join(items, " ") + "]"
	case rules.MappingNode:
		var keys []string
		for _, k := range n.Keys {
			keys = append(keys, fmt.Sprintf("%s@%d:%d=%s", k.Name, k.Line, k.Column, shape(k.Value)))
		}
		return "{" + strings.Join(keys, " ") + "}"
	}
	return fmt.Sprintf("%c%q@%d:%d", "nb#t"[n.Kind], n.Text, n.Line, n.Column)
}

func TestReadYAML(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                      `n""@1:1`,
		"# nothing\n":                           `n""@1:1`,
		"a: 1\nb:\n  c: [x, true]":              `{a@1:1=#"1"@1:4 b@2:1={c@3:3=[t"x"@3:7 b"true"@3:10]}}`,
		"a:\n  # nothing\nb: 'it''s'\r\nc: ~\n": `{a@1:1=n""@1:3 b@3:1=t"it's"@3:4 c@4:1=n""@4:4}`,
		"---\na: |\n  x\n  y\n":                 `{a@2:1=t"x\ny\n"@2:4}`,
		"\ufeffa: 35d\nb: 127.0.0.1:9464\nc: C:\\logs": `{a@1:1=t"35d"@1:4 b@2:1=t"127.0.0.1:9464"@2:4 c@3:1=t"C:\\logs"@3:4}`,
	} {
		got, problems := rules.ReadYAML(rules.File{Name: "f", Data: []byte(text)})
		if len(problems) > 0 || shape(got) != want {
			t.Errorf("%q\n got %s %v\nwant %s", text, shape(got), problems, want)
		}
	}
}

func TestReadYAMLNamesEveryMistake(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a: 1\na: 2\nb: {c: 1, c: 2}\n":  `f:2:1: the key "a" stands twice; it stands at line 1 too|f:3:11: the key "c" stands twice; it stands at line 3 too`,
		"a: &x 1\nb: *x\nc: !t secret\n": `f:1:4: anchors have no meaning here; a text that begins with & must stand in quotes|f:2:4: aliases have no meaning here: write out what is meant; a text that begins with * must stand in quotes|f:3:4: tags have no meaning here; a text that begins with ! must stand in quotes`,
		"a: 1\n---\nb: 2\n":              `f:3:1: this file can hold one document only; remove the line --- and what follows it`,
		"a: [1\n":                        `f:1:4: this [ is never closed`,
		"a: \xff\n":                      `f:1:1: this document is not UTF-8`,
		strings.Repeat("x", 1<<20+1):     `f: it is larger than 1 MiB`,
		"a: " + strings.Repeat("[", 100): `f:1:68: YAML: nested too deeply`,
		"a: {" + strings.Repeat("k: {}, ", 6000) + "z: 1}\n": `f:1:34999: YAML: this document is too large`,
	} {
		_, problems := rules.ReadYAML(rules.File{Name: "f", Data: []byte(text)})
		var got []string
		for _, p := range problems {
			got = append(got, p.String())
		}
		if g := strings.Join(got, "|"); g != want {
			t.Errorf("%.60q\n got %s\nwant %s", text, g, want)
		}
	}
}

func FuzzReadYAML(f *testing.F) {
	for _, seed := range []string{"a: 1", "a: [b, {c: d}]", "a: &x [*x]", "<<: *a", "? a\n: b", "a: !!str b", "- - - a", "a:\n  - b: 1\n    c: |\n      x", "{[a]: b}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, problems := rules.ReadYAML(rules.File{Name: "f", Data: data})
		if n.Line < 1 || n.Column < 1 {
			t.Errorf("the root stands at %d:%d", n.Line, n.Column)
		}
		for _, p := range problems {
			if len(p.Message) > 1000 {
				t.Errorf("a message of %d bytes", len(p.Message))
			}
		}
	})
}
