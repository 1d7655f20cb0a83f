package rules_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// page is docs/rules.md, which tells people how to write rules.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "rules.md"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n") // as Git may write it on Windows
}

// examples returns the YAML blocks of a page, with empty lines before each, so that a place in one is
// a place in the page.
func examples(text string) (blocks []string) {
	var block strings.Builder
	within := false
	for n, line := range strings.Split(text, "\n") {
		switch {
		case !within && line == "```yaml":
			within = true
			block.WriteString(strings.Repeat("\n", n+1))
		case within && line == "```":
			within = false
			blocks = append(blocks, block.String())
			block.Reset()
		case within:
			block.WriteString(line + "\n")
		}
	}
	return blocks
}

// What the page shows can be copied: every rule on it loads.
func TestDocumentedRulesLoad(t *testing.T) {
	t.Parallel()
	types, loaded := map[rules.Type]bool{}, 0
	for _, block := range examples(page(t)) {
		if !strings.HasPrefix(strings.TrimLeft(block, "\n"), "id:") {
			continue
		}
		loaded++
		set, problems := rules.Load([]rules.File{{Name: "docs/rules.md", Data: []byte(block)}})
		for _, p := range problems {
			t.Error(p)
		}
		if set == nil {
			continue
		}
		for _, r := range set.Rules() {
			types[r.Type] = true
		}
		if both, _ := rules.Load(append(rules.Builtin(), rules.File{Name: "docs/rules.md", Data: []byte(block)})); both == nil {
			t.Errorf("%s cannot be used together with the built-in rules", strings.TrimSpace(block))
		}
	}
	if loaded < 8 || len(types) != 5 {
		t.Errorf("%d rules of %d types: is the page still read?", loaded, len(types))
	}
}

// The page names every key, field, value and function, and no built-in rule is missing from its table.
func TestDocumentationIsComplete(t *testing.T) {
	t.Parallel()
	text := page(t)
	for _, key := range rules.RuleKeys() {
		if !strings.Contains(text, "`"+key+"`") {
			t.Errorf("the key %s is missing", key)
		}
	}
	for _, name := range rules.FieldNames() {
		of := rules.Of(name)
		if strings.Count(text, "| `"+name+"` | "+of+" |") != 1 {
			t.Errorf("the field %s is not in the table as one of %s", name, of)
		}
		for _, word := range signin.Words(name) {
			if word != "" && !strings.Contains(text, "`"+word+"`") {
				t.Errorf("%s can be %s, which is missing", name, word)
			}
		}
	}
	for _, name := range rules.FunctionNames() {
		if !strings.Contains(text, "`"+name) {
			t.Errorf("the function %s is missing", name)
		}
	}
	set, _ := rules.Load(rules.Builtin())
	for _, r := range set.Rules() {
		if !strings.Contains(text, fmt.Sprintf("\n| %s | %s | ", r.ID, r.Severity)) {
			t.Errorf("%s (%s) is not in the table of built-in rules", r.ID, r.Severity)
		}
	}
	if n := strings.Count(text, "\n| OM-"); n != set.Len() {
		t.Errorf("the table has %d built-in rules, there are %d", n, set.Len())
	}
}
