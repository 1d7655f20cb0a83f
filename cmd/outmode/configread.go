package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/rules"
)

// maxConfig bounds the file, in bytes; what is larger is no configuration.
const maxConfig = 1 << 20

// A configProblem is something wrong with the configuration. Line and Column count from 1; 0 means
// the whole file, or a default that the file does not name.
type configProblem struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Severity string `json:"severity"` // error or warning
	Message  string `json:"message"`
}

const (
	isError   = "error"
	isWarning = "warning"
)

func (p configProblem) String() string {
	message := p.Message
	if p.Severity == isWarning {
		message = "warning: " + message
	}
	if p.Line == 0 {
		return p.File + ": " + message
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, message)
}

// readConfig reads a file over the defaults and returns everything that is wrong with what stands in
// it. It opens nothing else. A configuration that comes with problems is not to be used.
func readConfig(path string) (config, []configProblem) {
	r := parseConfig(path)
	return r.config, r.problems
}

// A configReader is a file while it is read.
type configReader struct {
	config   config
	file     string
	problems []configProblem
	places   map[string]configPlace // of values, by name: sources[0].path
	wrong    map[string]bool        // names of which the value is not what the file meant
	lost     bool                   // nothing of the file could be read
}

type configPlace struct{ line, column int }

func parseConfig(path string) *configReader {
	r := &configReader{config: defaultConfig(), file: path, places: map[string]configPlace{}, wrong: map[string]bool{}}
	data, err := readSmall(path, maxConfig)
	if err != nil {
		hint := ""
		if errors.Is(err, fs.ErrNotExist) {
			hint = fmt.Sprintf("; \"outmode config init %s\" writes one", path)
		}
		r.problems = append(r.problems, configProblem{File: path, Severity: isError, Message: strings.TrimPrefix(err.Error(), path+": ") + hint})
		r.lost = true
		return r
	}
	root, problems := rules.ReadYAML(rules.File{Name: path, Data: fromUTF16(data)})
	for _, p := range problems {
		r.problems = append(r.problems, configProblem{File: path, Line: p.Line, Column: p.Column, Severity: isError, Message: p.Message})
	}
	r.lost = len(problems) > 0 && root.Kind == rules.NullNode
	readKeys(r, configKeys(), &r.config, root, "")
	r.contradictions()
	r.missingBlanks(data)
	r.sort()
	return r
}

// missingBlanks finds the lines in which a key has no blank behind its colon, once the file has a mistake. To YAML that is
// a text, and what it says of it is about another line, or another thing.
func (r *configReader) missingBlanks(data []byte) {
	if len(r.problems) == 0 {
		return
	}
	keys := map[string]bool{}
	for _, k := range slices.Concat(allKeys(configKeys()), allKeys(sourceKeys()), allKeys(gatewayKeys()), allKeys(mappingKeys())) {
		keys[k] = true
	}
	lost := r.lost // then what YAML says follows from this, too
	key := regexp.MustCompile(`^[ ]*(?:- +)?([a-z_]+):[^ \t\r]`)
	for i, line := range strings.Split(string(fromUTF16(data)), "\n") {
		at := key.FindStringSubmatchIndex(line)
		if at == nil || !keys[line[at[2]:at[3]]] {
			continue
		}
		r.problems = slices.DeleteFunc(r.problems, func(p configProblem) bool { return p.Line == i+1 || lost })
		lost = false
		r.mistake(i+1, at[3]+2, "a blank is missing behind the colon; write %s: %s", line[at[2]:at[3]], shortened(strings.TrimSpace(line[at[3]+1:])))
	}
}

func shortened(text string) string {
	const most = 60
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "..."
	}
	return text
}

// allKeys are the names of keys, wherever they stand.
func allKeys[T any](keys []configKey[T]) (names []string) {
	for i := range keys {
		names = append(append(names, keys[i].name), allKeys(keys[i].in)...)
	}
	return names
}

// fromUTF16 makes UTF-8 of a file that begins with the mark of UTF-16: Windows PowerShell 5 writes
// every file to which output is redirected that way.
func fromUTF16(data []byte) []byte {
	order, ok := map[string]binary.ByteOrder{"\xff\xfe": binary.LittleEndian, "\xfe\xff": binary.BigEndian}[string(data[:min(2, len(data))])]
	if !ok {
		return data
	}
	units := make([]uint16, 0, len(data)/2)
	for rest := data[2:]; len(rest) > 1; rest = rest[2:] {
		units = append(units, order.Uint16(rest))
	}
	return bytes.TrimRight([]byte(string(utf16.Decode(units))), "\x00")
}

func (r *configReader) mistake(line, column int, format string, args ...any) {
	r.problems = append(r.problems, configProblem{File: r.file, Line: line, Column: column, Severity: isError, Message: fmt.Sprintf(format, args...)})
}

// reject reports what is wrong with the value of a name.
func (r *configReader) reject(name string, n *rules.Node, format string, args ...any) {
	r.wrong[name] = true
	r.mistake(n.Line, n.Column, format, args...)
}

// about reports what is wrong with a value that was read, at its place if the file names it.
func (r *configReader) about(name, severity, format string, args ...any) {
	at := r.places[name]
	r.problems = append(r.problems, configProblem{File: r.file, Line: at.line, Column: at.column, Severity: severity, Message: fmt.Sprintf(format, args...)})
}

// sort puts the problems in the order of the file; those that have no place come last.
func (r *configReader) sort() {
	last := func(line int) int { return cmp.Or(line, 1<<30) }
	slices.SortStableFunc(r.problems, func(a, b configProblem) int {
		return cmp.Or(cmp.Compare(last(a.Line), last(b.Line)), cmp.Compare(a.Column, b.Column))
	})
}

// readKeys reads a mapping. A key without a value leaves a section or a list as it is: everything
// below it may be commented out.
func readKeys[T any](r *configReader, keys []configKey[T], to *T, n rules.Node, name string) {
	within := cmp.Or(name, "the configuration")
	if n.Kind == rules.NullNode {
		return
	}
	if n.Kind != rules.MappingNode {
		r.reject(name, &n, "%s must be a mapping: key: value", within)
		return
	}
	known := keyNames(keys)
	for i := range n.Keys {
		k := &n.Keys[i]
		full := strings.TrimPrefix(name+"."+k.Name, ".")
		r.places[full] = configPlace{k.Value.Line, k.Value.Column}
		at := slices.IndexFunc(keys, func(d configKey[T]) bool { return d.name == k.Name || d.secret() && d.name+"_file" == k.Name })
		switch {
		case at < 0:
			r.mistake(k.Line, k.Column, "%s has no key %s%s", within, inQuotes(k.Name), keyHint(k.Name, known))
		case keys[at].in != nil:
			readKeys(r, keys[at].in, to, k.Value, full)
		case keys[at].secret():
			readSecret(r, &keys[at], to, k, full)
		default:
			readValue(r, &keys[at], to, &k.Value, full)
		}
	}
}

// keyNames are the keys that a mapping may have.
func keyNames[T any](keys []configKey[T]) (names []string) {
	for i := range keys {
		names = append(names, keys[i].name)
		if keys[i].secret() {
			names = append(names, keys[i].name+"_file")
		}
	}
	return names
}

// keyHint ends the message about a key that does not exist: the nearest of its mapping, or where a
// key of that name does stand, or all there are.
func keyHint(name string, known []string) string {
	if near := rules.Nearest(name, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	for _, section := range configKeys() {
		if slices.Contains(keyNames(section.in), name) {
			return fmt.Sprintf("; it stands below %s", section.name)
		}
	}
	return "; there is " + join(known, ", ", " and ")
}

func (k *configKey[T]) secret() bool {
	if k.at == nil {
		return false
	}
	_, ok := k.at(new(T)).(*secretRef)
	return ok
}

// readValue reads what a key that is no section holds.
func readValue[T any](r *configReader, k *configKey[T], to *T, n *rules.Node, name string) {
	switch p := k.at(to).(type) {
	case *string:
		if text, ok := k.text(r, n, name, name); ok {
			*p = text
		}
	case *bool:
		if n.Kind == rules.BoolNode {
			*p = n.Text == "true"
		} else {
			r.reject(name, n, "%s must be true or false", name)
		}
	case *time.Duration:
		k.span(r, n, name, p)
	case *[]string:
		r.items(n, name, func(_ int, item *rules.Node) {
			r.places[fmt.Sprintf("%s[%d]", name, len(*p))] = configPlace{item.Line, item.Column}
			if text, ok := k.text(r, item, name, "an item of "+name); ok {
				*p = append(*p, text)
			}
		})
	case *[]configSource:
		r.sources(n, name, p)
	case *[]declaredGateway:
		r.gateways(n, name, p)
	case *[]mfa.Mapping:
		r.mappings(n, name, p)
	case *[]mfa.Condition:
		*p = r.conditions(n, name, "")
	case *[]mfa.When:
		r.whens(n, name, p)
	case *outcomeWords:
		r.outcomes(n, name, p)
	}
}

// text reads a text; what is how a message names it.
func (k *configKey[T]) text(r *configReader, n *rules.Node, name, what string) (string, bool) {
	text := n.Text
	switch {
	case n.Kind == rules.NullNode && k.words == nil && k.empty:
		r.reject(name, n, "%s has no value; write '' for none", what)
	case n.Kind == rules.NullNode:
		r.reject(name, n, "%s has no value; write one, or remove the key", what)
	case n.Kind == rules.ListNode || n.Kind == rules.MappingNode:
		r.reject(name, n, "%s must be one text", what)
	case k.words != nil:
		if slices.Contains(k.words, text) {
			return text, true
		}
		r.reject(name, n, "%s cannot be %s; write %s", what, inQuotes(text), join(k.words, ", ", " or "))
	case n.Kind != rules.TextNode:
		r.reject(name, n, "%s must be text; put %s in quotes", what, inQuotes(text))
	case text == "" && k.empty:
		return text, true
	case strings.TrimSpace(text) == "":
		r.reject(name, n, "%s is empty", what)
	default:
		if k.check != nil {
			if err := k.check(name, text); err != nil {
				r.reject(name, n, "%s", err)
				return "", false
			}
		}
		if k.path {
			text = r.fromFolder(text)
		}
		return text, true
	}
	return "", false
}

// span reads a duration.
func (k *configKey[T]) span(r *configReader, n *rules.Node, name string, to *time.Duration) {
	form := "write 30s, 5m, 12h, 35d or 2y"
	if k.zero != "" {
		form = "write " + k.zero + ", or 30s, 5m, 12h, 35d or 2y"
	}
	if n.Kind == rules.TextNode && k.zero != "" && n.Text == k.zero {
		*to = 0
		return
	}
	d, ok := parseSpan(n.Text)
	switch {
	case n.Kind == rules.NumberNode:
		r.reject(name, n, "%s needs a unit; %s", name, form)
	case n.Kind == rules.NullNode:
		r.reject(name, n, "%s has no value; %s", name, form)
	case n.Kind != rules.TextNode:
		r.reject(name, n, "%s must be a duration; %s", name, form)
	case !ok:
		r.reject(name, n, "%s %s is no duration; %s", name, inQuotes(n.Text), form)
	case d < k.low || d > k.high:
		r.reject(name, n, "%s must be from %s to %s", name, spanWords(k.low), spanWords(k.high))
	default:
		*to = d
	}
}

// items calls each for the items of a list. Nothing at all is an empty list, too.
func (r *configReader) items(n *rules.Node, name string, each func(i int, item *rules.Node)) {
	switch n.Kind {
	case rules.NullNode:
	case rules.ListNode:
		for i := range n.Items {
			each(i, &n.Items[i])
		}
	default:
		r.reject(name, n, "%s must be a list: lines that begin with -, or [a, b]", name)
	}
}

func (r *configReader) sources(n *rules.Node, name string, to *[]configSource) {
	seen := map[string]int{}
	r.items(n, name, func(i int, item *rules.Node) {
		full := fmt.Sprintf("%s[%d]", name, i)
		r.places[full] = configPlace{item.Line, item.Column}
		s := defaultSource("")
		if item.Kind == rules.TextNode {
			r.reject(full, item, "a source must be a mapping; write path: before %s", inQuotes(item.Text))
			*to = append(*to, s) // its number is that of the file
			return
		}
		readKeys(r, sourceKeys(), &s, *item, full)
		if _, has := r.places[full+".path"]; !has && !r.wrong[full] {
			r.reject(full+".path", item, "%s has no path", full)
		}
		at := r.places[full+".path"]
		if first, twice := seen[s.Path]; twice && s.Path != "" {
			r.wrong[full+".path"] = true
			r.mistake(at.line, at.column, "%s.path %s stands at line %d too", full, inQuotes(s.Path), first)
		}
		seen[s.Path] = cmp.Or(at.line, item.Line)
		*to = append(*to, s)
	})
}

// readSecret reads where a secret stands. No message repeats what stands there: it may be the secret.
func readSecret[T any](r *configReader, k *configKey[T], to *T, at *rules.Key, name string) {
	ref, ok := k.at(to).(*secretRef)
	if !ok {
		return
	}
	n := &at.Value
	base := strings.TrimSuffix(name, "_file")
	if ref.set() || r.wrong[base] {
		r.wrong[base] = true
		r.mistake(at.Line, at.Column, "%s and %s_file exclude each other; remove one", base, base)
		return
	}
	r.places[base] = configPlace{n.Line, n.Column}
	variable, isEnv := strings.CutPrefix(n.Text, "env:")
	switch {
	case name != base && (n.Kind != rules.TextNode || strings.TrimSpace(n.Text) == ""):
		r.reject(base, n, "%s must be the path of a file that holds the secret and nothing else", name)
	case name != base:
		if k.check("", n.Text) != nil {
			r.reject(base, n, "%s: nothing replaces variables or ~ here; write the path out", name)
			return
		}
		ref.File = r.fromFolder(n.Text)
	case n.Kind == rules.TextNode && isEnv && envName.MatchString(variable):
		ref.Env = variable
	case n.Kind == rules.TextNode && isEnv:
		r.reject(base, n, "%s: after env: stands the name of an environment variable, of letters, digits and _", name)
	default:
		r.reject(base, n, "%s must not stand in this file; write %s_file: PATH of a file that holds nothing else, or %s: env:NAME of an environment variable", name, k.name, k.name)
	}
}

// windowsPath is one that is absolute on Windows, wherever the file is read.
var windowsPath = regexp.MustCompile(`^([A-Za-z]:)?[\\/]|^[A-Za-z]:`)

// fromFolder takes a path from the folder of the file, so that it means the same wherever the daemon
// was started: a service of Windows starts in System32.
func (r *configReader) fromFolder(path string) string {
	if filepath.IsAbs(path) || windowsPath.MatchString(path) {
		return path
	}
	return filepath.Join(filepath.Dir(r.file), path)
}

// contradictions reports values that are right each by itself and wrong together.
func (r *configReader) contradictions() {
	c := &r.config
	if c.Retention.Days < c.Retention.Hours && !r.wrong["retention.days"] && !r.wrong["retention.hours"] {
		name := "retention.days"
		if r.places[name] == (configPlace{}) {
			name = "retention.hours"
		}
		r.about(name, isError, "retention.days (%s) must not be shorter than retention.hours (%s)", spanWords(c.Retention.Days), spanWords(c.Retention.Hours))
	}
	for i := range c.Gateways {
		r.mappingOf(fmt.Sprintf("gateways[%d]", i), &c.Gateways[i])
	}
	switch {
	case c.TLS.Cert != "" && c.TLS.Key == "" && !r.wrong["tls.key"]:
		r.about("tls.cert", isError, "tls.cert needs tls.key, the private key of that certificate")
	case c.TLS.Cert == "" && c.TLS.Key != "" && !r.wrong["tls.cert"]:
		r.about("tls.key", isError, "tls.key needs tls.cert, the certificate of that key")
	}
}
