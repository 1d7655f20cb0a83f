package main

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
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
	if v, ok := k.at(from).(*[]configSource); ok {
		writeSourceKeys(b, indent)
		fmt.Fprintf(b, "%s%s:\n", indent, k.name)
		writeSources(b, *v, indent+keyIndent)
	} else {
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

// writeSourceKeys explains the keys of a source.
func writeSourceKeys(b *strings.Builder, indent string) {
	for _, k := range sourceKeys() {
		doc := k.doc
		if len(k.words) > 0 {
			doc = join(k.words, ", ", " or ") + ": " + doc
		}
		fmt.Fprintf(b, "%s#   %-8s %s\n", indent, k.name, doc)
	}
}

// writeSources writes of each source what is not the default.
func writeSources(b *strings.Builder, sources []configSource, indent string) {
	for i := range sources {
		s := &sources[i]
		usual := defaultSource("")
		dash := "- "
		for _, k := range sourceKeys() {
			if reflect.DeepEqual(k.at(s), k.at(&usual)) {
				continue
			}
			var item strings.Builder
			writeValue(&item, &k, s, indent+keyIndent)
			b.WriteString(indent + dash + strings.TrimPrefix(item.String(), indent+keyIndent))
			dash = keyIndent
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
