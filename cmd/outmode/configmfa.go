package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// configMFA is what the operator knows of the logs of MFA gateways, beside what the gateways protect.
type configMFA struct {
	Outcomes configOutcomes
	Zones    configZones
	Proxies  []string
	WAP      []string
}

// outcomeWords are outcomes, as words, by the words of a vendor, in lower case.
type outcomeWords = mfa.Words

// configOutcomes are the kinds of logs whose words are looked up in a table.
type configOutcomes struct{ Duo, DuoAuthproxy, DuoAdmin, Monosign, ADFS, Entra, UAL, NPS, Okta outcomeWords }

// configZones are the kinds of logs that can have times without a zone; "" is UTC.
type configZones struct{ Monosign, ADFS, NPS string }

// mfaKeys describes the section mfa.
func mfaKeys() []configKey[config] {
	words := func(name, doc string, at func(o *configOutcomes) *outcomeWords) configKey[config] {
		return configKey[config]{name: name, doc: doc, at: func(c *config) any { return at(&c.MFA.Outcomes) }}
	}
	zone := func(name, doc string, at func(z *configZones) *string) configKey[config] {
		return configKey[config]{name: name, doc: doc, empty: true, check: checkZone, at: func(c *config) any { return at(&c.MFA.Zones) }}
	}
	return []configKey[config]{{
		name: "outcomes", doc: "Words of a gateway that are not known, or that mean something else here, such as duo: {a_new_reason: denied}. They go before the built-in tables, for logs that are read from then on. An outcome is one of " + join(outcomeNames(), ", ", " or ") + ".",
		in: []configKey[config]{
			words("duo", "By reason, or by factor.", func(o *configOutcomes) *outcomeWords { return &o.Duo }),
			words("duo_authproxy", "By what Duo answered the proxy.", func(o *configOutcomes) *outcomeWords { return &o.DuoAuthproxy }),
			words("duo_admin", "By action, such as policy_create: config.", func(o *configOutcomes) *outcomeWords { return &o.DuoAdmin }),
			words("monosign", "By status, by code (code_77), or by white-listed path.", func(o *configOutcomes) *outcomeWords { return &o.Monosign }),
			words("adfs", "By event (1201), for tokens with MfaPerformed (1202 false).", func(o *configOutcomes) *outcomeWords { return &o.ADFS }),
			words("entra", "By error code (50105), by the result of a step, or by its method.", func(o *configOutcomes) *outcomeWords { return &o.Entra }),
			words("ual", "By error code, or by operation without the full stop at its end.", func(o *configOutcomes) *outcomeWords { return &o.UAL }),
			words("nps", "By accepted, rejected or ignored and the response (rejected phoneappnoresponse).", func(o *configOutcomes) *outcomeWords { return &o.NPS }),
			words("okta", "By event and result (user.mfa.attempt_bypass success), by factor, or by reason.", func(o *configOutcomes) *outcomeWords { return &o.Okta }),
		},
	}, {
		name: "zones", doc: "The zone of logs whose times name none, such as Europe/Berlin (names of the IANA). '' is UTC. Every log with a zone of its own keeps it.",
		in: []configKey[config]{
			zone("monosign", "Of the Exchange servers that write it.", func(z *configZones) *string { return &z.Monosign }),
			zone("adfs", "Of the machine on which CSV or Format-List was exported; event XML is UTC.", func(z *configZones) *string { return &z.ADFS }),
			zone("nps", "The same of the NPS extension.", func(z *configZones) *string { return &z.NPS }),
		},
	}, {
		name: "proxies", check: checkPrefix, at: func(c *config) any { return &c.MFA.Proxies },
		doc: "Addresses of proxies of your own with public addresses, such as Web Application Proxy: in a list of addresses that AD FS logs, the client is left of these. Private ones are known.",
	}, {
		name: "wap", path: true, check: checkPath, at: func(c *config) any { return &c.MFA.WAP },
		doc: "Exports of what Web Application Proxy publishes (Get-WebApplicationProxyApplication | Export-Csv): entry points that are published as pass-through are taken to be past AD FS, by \"outmode mfa\" without its --wap and for the rules that read mfa.",
	}}
}

// outcomeNames are the words of outcomes.
func outcomeNames() (names []string) {
	for o := signin.FactorUnknown; ; o++ {
		name := o.String()
		if is, ok := signin.ParseFactorOutcome(name); !ok || is != o {
			return names
		}
		names = append(names, name)
	}
}

// outcomes reads a mapping from words to outcomes.
func (r *configReader) outcomes(n *rules.Node, name string, to *outcomeWords) {
	switch n.Kind {
	case rules.NullNode:
		return
	case rules.MappingNode:
	default:
		r.reject(name, n, "%s must be a mapping: a word of the gateway: an outcome", name)
		return
	}
	lines := map[string]int{}
	for i := range n.Keys {
		k := &n.Keys[i]
		const longest = 200 // more is no word, and YAML knows no longer key
		word := asciiLower(strings.TrimSpace(k.Name))
		_, known := signin.ParseFactorOutcome(k.Value.Text)
		switch {
		case word == "":
			r.wrong[name] = true
			r.mistake(k.Line, k.Column, "%s has a word that is empty", name)
		case len(word) > longest || strings.ContainsFunc(word, unicode.IsControl):
			r.wrong[name] = true
			r.mistake(k.Line, k.Column, "%s: %s is no word of a gateway", name, inQuotes(k.Name))
		case lines[word] > 0:
			r.wrong[name] = true
			r.mistake(k.Line, k.Column, "%s: %s stands at line %d too; case does not count", name, inQuotes(k.Name), lines[word])
		case k.Value.Kind != rules.TextNode || !known:
			r.reject(name, &k.Value, "%s: %s is no outcome; %s", name, inQuotes(k.Value.Text), outcomeHint(k.Value.Text))
		default:
			if *to == nil {
				*to = outcomeWords{}
			}
			(*to)[word] = k.Value.Text
		}
		lines[word] = k.Line
	}
}

// outcomeHint ends the message about a word that is no outcome.
func outcomeHint(word string) string {
	if near := rules.Nearest(word, outcomeNames()); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "write " + join(outcomeNames(), ", ", " or ")
}

// asciiLower is the lower case of the decoders, which leave letters beyond ASCII as they are.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

func checkZone(name, text string) error {
	// Local is whatever the machine is set to, and its file may be read on another one.
	if _, err := time.LoadLocation(text); err != nil || strings.EqualFold(text, "local") {
		return fmt.Errorf("%s %s is no time zone; write a name of the IANA: Europe/Berlin", name, inQuotes(text))
	}
	return nil
}

// gateways is what the decoders of gateways' logs are told.
func (c *configMFA) gateways() (o mfa.Options) {
	o.Zones = map[signin.Kind]*time.Location{}
	for kind, name := range map[signin.Kind]string{signin.Monosign: c.Zones.Monosign, signin.ADFSLog: c.Zones.ADFS, signin.NPS: c.Zones.NPS} {
		if zone, err := time.LoadLocation(name); err == nil && name != "" {
			o.Zones[kind] = zone
		}
	}
	o.Proxies, _ = prefixes("mfa.proxies", c.Proxies) // each was checked
	t := &c.Outcomes
	tables := map[signin.Kind]map[string]signin.FactorOutcome{}
	for kind, words := range map[signin.Kind]outcomeWords{
		signin.Duo: t.Duo, signin.DuoAuthProxy: t.DuoAuthproxy, signin.DuoAdmin: t.DuoAdmin, signin.Monosign: t.Monosign, signin.ADFSLog: t.ADFS, signin.Entra: t.Entra, signin.UAL: t.UAL, signin.NPS: t.NPS, signin.Okta: t.Okta,
	} {
		for _, word := range slices.Sorted(maps.Keys(words)) {
			if tables[kind] == nil {
				tables[kind] = map[string]signin.FactorOutcome{}
			}
			is, _ := signin.ParseFactorOutcome(words[word])
			if kind == signin.Duo || kind == signin.Okta { // Duo Push and duo_push are one word to their decoders
				word = strings.ReplaceAll(word, " ", "_")
			}
			tables[kind][word] = is
		}
	}
	if len(tables) > 0 {
		o.Outcomes = func(kind signin.Kind, word string) (signin.FactorOutcome, bool) {
			is, ok := tables[kind][word]
			return is, ok
		}
	}
	return o
}

// checkAlias refuses what is no pair of domains.
func checkAlias(name, text string) error {
	if _, ok := aliasOf(text); !ok {
		return fmt.Errorf("%s %s is no pair of domains; write CONTOSO=contoso.com", name, inQuotes(text))
	}
	return nil
}

// aliasOf reads two names of one domain.
func aliasOf(text string) (pair [2]string, ok bool) {
	one, other, ok := strings.Cut(text, "=")
	one, other = strings.TrimSpace(one), strings.TrimSpace(other)
	return [2]string{one, other}, ok && one != "" && other != "" && !strings.ContainsAny(text, `\@/ `)
}

// checkPublished refuses what would be no id and no name of an application.
func checkPublished(name, text string) error {
	if strings.ContainsAny(text, "*?") || strings.ContainsFunc(text, unicode.IsControl) {
		return fmt.Errorf("%s %s is no application; write its id or its whole name", name, inQuotes(text))
	}
	return nil
}
