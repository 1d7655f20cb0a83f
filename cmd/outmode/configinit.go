package main

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/outmode/outmode/ingest/mfa"
)

// commentWidth is where the comments of the file break, and keyIndent how far the keys of a section
// stand to the right.
const (
	commentWidth = 98
	keyIndent    = "  "
)

const configHeader = `The configuration of outmode. Every key has its default: what you remove or comment out stays as it is.
Paths that are not absolute are taken from the folder of this file. A path with backslashes stands in single quotes.
Durations: 30s, 5m, 12h, 35d, 2y. Check every change with "outmode config check", then reload or restart the service.`

// configText writes a configuration as a file that explains itself and that readConfig reads back to
// the same configuration.
func configText(c *config) string {
	var b strings.Builder
	for line := range strings.Lines(configHeader) {
		b.WriteString("# " + strings.TrimRight(line, "\n") + "\n")
	}
	for _, k := range configKeys() {
		b.WriteByte('\n')
		writeKey(&b, &k, c, "")
	}
	return b.String()
}

func writeComment(b *strings.Builder, text, indent string) {
	fmt.Fprintf(b, "%s# %s\n", indent, wrap(text, commentWidth, indent+"# "))
}

func writeKey[T any](b *strings.Builder, k *configKey[T], from *T, indent string) {
	writeComment(b, k.doc, indent)
	if k.in != nil {
		fmt.Fprintf(b, "%s%s:\n", indent, k.name)
		for i := range k.in {
			writeKey(b, &k.in[i], from, indent+keyIndent)
		}
		return
	}
	switch v := k.at(from).(type) {
	case *[]configSource:
		writeItems(b, k.name, sourceKeys(), *v, func(*configSource) configSource { return defaultSource("") }, indent)
	case *[]declaredGateway:
		writeItems(b, k.name, gatewayKeys(), *v, func(g *declaredGateway) declaredGateway { // its kind is always written
			usual := defaultDeclared(g.Kind)
			usual.Kind = ""
			return usual
		}, indent)
	case *[]mfa.Mapping:
		writeItems(b, k.name, mappingKeys(), *v, func(*mfa.Mapping) mfa.Mapping { return mfa.DefaultMapping() }, indent)
	default:
		writeValue(b, k, from, indent)
	}
	if reflect.ValueOf(k.at(from)).Elem().IsZero() {
		for _, line := range k.shown {
			fmt.Fprintf(b, "%s# %s\n", strings.Repeat(" ", max(len(indent), len(keyIndent))), line)
		}
	}
}

// writeValue writes a key and its value, or nothing of a secret that there is not.
func writeValue[T any](b *strings.Builder, k *configKey[T], from *T, indent string) {
	name, value := k.name, ""
	switch v := k.at(from).(type) {
	case *string:
		value = yamlText(*v)
	case *bool:
		value = strconv.FormatBool(*v)
	case *time.Duration:
		if value = spanWords(*v); *v == 0 && k.zero != "" {
			value = k.zero
		}
	case *[]string:
		for _, item := range *v {
			value += "\n" + indent + keyIndent + "- " + yamlText(item)
		}
		if value == "" {
			value = "[]"
		}
	case *[]mfa.Condition:
		value = conditionsText(*v, indent+keyIndent)
	case *[]mfa.When:
		for _, w := range *v {
			value += "\n" + indent + keyIndent + "- then: " + yamlText(w.Then) + conditionsText(w.If, indent+keyIndent+keyIndent)
		}
	case *outcomeWords:
		for _, word := range slices.Sorted(maps.Keys(*v)) {
			value += "\n" + indent + keyIndent + yamlText(word) + ": " + yamlText((*v)[word])
		}
		if value == "" {
			value = "{}"
		}
	case *secretRef:
		switch {
		case v.File != "":
			name, value = name+"_file", yamlText(v.File)
		case v.Env != "":
			value = "env:" + v.Env
		default:
			return
		}
	}
	if !strings.HasPrefix(value, "\n") {
		value = " " + value
	}
	fmt.Fprintf(b, "%s%s:%s\n", indent, name, value)
}

// conditionsText writes a mapping of fields to their words.
func conditionsText(all []mfa.Condition, indent string) (text string) {
	for _, c := range all {
		var words []string
		for _, w := range c.Words {
			words = append(words, yamlText(w))
		}
		text += "\n" + indent + yamlText(c.Field) + ": [" + strings.Join(words, ", ") + "]"
	}
	return text
}

// writeItems writes a list of mappings: what their keys mean and, of each item, what is not usual.
func writeItems[T any](b *strings.Builder, name string, keys []configKey[T], items []T, usual func(*T) T, indent string) {
	names, docs := keysExplained(keys, "")
	width := len(slices.MaxFunc(names, func(a, b string) int { return cmp.Compare(len(a), len(b)) }))
	for i, doc := range docs {
		fmt.Fprintf(b, "%s#   %-*s  %s\n", indent, width, names[i], wrap(doc, itemWidth-width, fmt.Sprintf("%s#   %*s  ", indent, width, "")))
	}
	fmt.Fprintf(b, "%s%s:\n", indent, name)
	for i := range items {
		var item strings.Builder
		was := usual(&items[i])
		writeUnusual(&item, keys, &items[i], &was, indent+keyIndent+keyIndent)
		b.WriteString(indent + keyIndent + "- " + strings.TrimPrefix(item.String(), indent+keyIndent+keyIndent))
	}
}

// itemWidth is how many columns a key of an item and what is said of it may take.
const itemWidth = 112

// keysExplained lists the keys of an item, those of its sections behind a point, and what is said of them.
func keysExplained[T any](keys []configKey[T], within string) (names, docs []string) {
	for i := range keys {
		k := &keys[i]
		name := strings.TrimPrefix(within+"."+k.name, ".")
		if k.in != nil {
			more, about := keysExplained(k.in, name)
			names, docs = append(names, more...), append(docs, about...)
			continue
		}
		doc := k.doc
		if len(k.words) > 0 {
			doc = join(k.words, ", ", " or ") + ": " + doc
		}
		names, docs = append(names, name), append(docs, doc)
	}
	return names, docs
}

// writeUnusual writes the values that are not those of usual.
func writeUnusual[T any](b *strings.Builder, keys []configKey[T], from, usual *T, indent string) {
	for i := range keys {
		k := &keys[i]
		if k.in != nil {
			var section strings.Builder
			if writeUnusual(&section, k.in, from, usual, indent+keyIndent); section.Len() > 0 {
				fmt.Fprintf(b, "%s%s:\n%s", indent, k.name, section.String())
			}
			continue
		}
		if !reflect.DeepEqual(k.at(from), k.at(usual)) {
			writeValue(b, k, from, indent)
		}
	}
}

// bareText is a text that means itself to YAML without quotes, unless it is one of the words.
var bareText = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9/_.-]*$`)

// yamlText writes a text as YAML. What is not printable is escaped, so that nothing in the file can
// hide.
func yamlText(s string) string {
	unseen := func(r rune) bool { return !unicode.IsPrint(r) || !visible(r) }
	switch {
	case strings.ContainsFunc(s, unseen):
		return strconv.QuoteToASCII(s)
	case bareText.MatchString(s) && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(s)):
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}
