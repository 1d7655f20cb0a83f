package rules_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// What people write by mistake is answered with what to write instead, at the place where it stands.
func TestMistakesSayWhatToWrite(t *testing.T) {
	t.Parallel()
	for when, want := range map[string]string{
		`outcome = "success"`:                     `4:15: equality is written ==, with two signs, not =`,
		`user === "a"`:                            `4:14: equality is written ==, with two signs`,
		`user !== "a"`:                            `4:14: inequality is written !=, with one =`,
		`user ! = "a"`:                            `4:12: ! can only stand before a condition; inequality is written !=`,
		`user <> "a"`:                             `4:13: inequality is written !=`,
		`user not == "a"`:                         `4:16: inequality is written !=, without not`,
		`user !contains "a"`:                      `4:12: ! can only stand before a condition`,
		`status => 400`:                           `4:14: at least is written >=`,
		`status =< 400`:                           `4:14: at most is written <=`,
		`user =~ "a"`:                             `4:12: a pattern is tested with matches`,
		`user ~ "a"`:                              `4:12: a pattern is tested with matches`,
		`user is "a"`:                             `4:12: equality is written ==, not is`,
		`user EQUALS "a"`:                         `4:12: equality is written ==, not EQUALS`,
		`user ne "a"`:                             `4:12: inequality is written !=, not ne`,
		`user like "a*"`:                          `4:12: there is no operator "like"; write glob(user, "svc-*")`,
		`user startswith "a"`:                     `4:12: there is no operator "startswith"; did you mean "startsWith"?`,
		`status between 1 and 2`:                  `4:14: a range is written with in and two dots`,
		`status in 400-499`:                       `4:14: in cannot stand between a whole number and a whole number; a range is written 400..499`,
		`internal & backend`:                      `4:16: and is written &&, with two signs`,
		`internal | backend`:                      `4:16: or is written ||, with two signs`,
		`internal AND backend`:                    `4:16: and is written in lower case, or as &&`,
		`internal Or backend`:                     `4:16: or is written in lower case, or as ||`,
		`internal && NOT backend`:                 `4:19: not is written in lower case, or as !`,
		`internal and and backend`:                `4:20: something is missing before and`,
		`internal ==`:                             `4:17: the expression ends too early: something must follow "=="`,
		`internal &&   `:                          `the expression ends too early: something must follow "&&"`,
		`internal ? backend`:                      `4:24: the expression ends too early: a ? b : c needs all three parts`,
		`(internal && (backend)`:                  `4:7: this ( is never closed`,
		`user in ["a", "b"`:                       `4:15: this [ is never closed`,
		`internal && backend)`:                    `4:26: this ) closes nothing: its opening bracket is missing`,
		`(internal &&)`:                           `4:19: something is missing before this )`,
		`user == "anna && internal`:               `4:15: the text that begins with this " has no closing "`,
		`"a" == user && user == 'b`:               `4:30: the text that begins with this ' has no closing '`,
		`user in "a","b"`:                         `4:18: the list of in must stand in brackets: ["a", "b"]`,
		`user in ("a","b")`:                       `4:19: the list of in must stand in brackets: ["a", "b"]`,
		`user in ["a" "b"]`:                       `4:20: an operator such as == or && is missing before this`,
		`user != "a", internal`:                   `4:18: a comma has no meaning here; conditions are combined with && or ||`,
		`internal backend`:                        `4:16: an operator is missing before "backend"; conditions are combined with && or ||`,
		`len user > 3`:                            `4:7: the value of len must stand in brackets: len(user)`,
		`contains(user, "x")`:                     `4:7: contains stands between two values: user contains "a"`,
		`in(user, "x")`:                           `4:7: in stands between a value and a list`,
		`hour > 22 and < 6`:                       `4:21: each side of and must be a whole condition: name the field before < again`,
		`user == "a" || "b"`:                      `4:19: || cannot stand between a condition and a text; each side must be a whole condition`,
		`address in 10.0.0.0/8`:                   `4:18: an address must stand in quotes: "10.0.0.0/8"`,
		`address in "10.0.0.0/8"`:                 `4:15: in cannot stand between a text and a text; right of in stands a list, ["a", "b"]; of addresses write cidr(`,
		`glob(user, svc-*)`:                       `4:22: * needs a number on both sides; a text must stand in quotes`,
		`user == 7up`:                             `this is no number; a text must stand in quotes`,
		`user == “anna”`:                          `4:15: “ is no quote of the language; write "`,
		`user == ‘anna’`:                          `4:15: ‘ is no quote of the language; write '`,
		`user == @anna`:                           `4:15: the sign "@" has no meaning in an expression; a text must stand in quotes`,
		`user matches "\d+"`:                      `4:22: a backslash in a text is written twice, as in "\\d+"; or put the text in backquotes: ` + "`\\d+`",
		`user matches \d+`:                        `4:20: a backslash can only stand in a text`,
		`internal /* why`:                         `the comment /* has no closing */`,
		`internal#why`:                            `4:15: # has no meaning in an expression; a comment of YAML needs a blank before it`,
		`user == {a}`:                             `{ } has no meaning in rules; a list is written ["a", "b"]`,
		`user > 3`:                                `4:12: > cannot stand between a text and a whole number; a text stands in quotes, and int(x) makes a number of one`,
		`status == "401"`:                         `4:14: == cannot stand between a whole number and a text; a number stands without quotes, and int(x) makes one of a text`,
		`status in ["401"]`:                       `4:14: left of in stands a whole number, and its list holds a text; texts stand in quotes, numbers without`,
		`lower(status) == "a"`:                    `4:13: lower takes a text, and this is a whole number`,
		`len(status) > 2`:                         `4:7: len does not take a whole number`,
		`not user`:                                `4:7: not cannot stand before a text; compare it first: user == ""`,
		`ip["b"] == "a"`:                          `there is no field "ip"; did you mean "address"?`,
		`user matches "*a"`:                       "missing argument to repetition operator: `*`; any text is .*",
		`internal == "true"`:                      `4:16: == cannot stand between a condition and a text; true and false stand without quotes`,
		`time > "2026-01-01"`:                     `4:12: > cannot stand between an instant and a text; write date("2026-01-31")`,
		`usr == "a"`:                              `4:7: there is no field "usr"; did you mean "user"?`,
		`Protocol == "ews"`:                       `4:7: there is no field "Protocol"; did you mean "protocol"?`,
		`ip == "a"`:                               `4:7: there is no field "ip"; did you mean "address"?`,
		`user == anna`:                            `4:15: there is no field "anna"; a text must stand in quotes`,
		`internal == True`:                        `4:19: there is no field "True"; true is written in lower case`,
		`user == null`:                            `4:15: there is no field "null"; a field always has a value: compare with "" or 0`,
		`lowr(user) == "a"`:                       `4:7: there is no function "lowr"; did you mean "lower"?`,
		`toLowerCase(user) == "a"`:                `4:7: there is no function "toLowerCase"; there are len, lower, upper`,
		`tolower(user) == "a"`:                    `4:7: there is no function "tolower"; did you mean "lower"?`,
		`startwith(user, "a")`:                    `4:7: there is no function "startwith"; write user startsWith "a"`,
		`has(user)`:                               `4:7: there is no function "has"; compare with "": user != ""`,
		`user.startsWith("a")`:                    `4:12: fields have no methods; write user startsWith "a"`,
		`user.lower() == "a"`:                     `4:12: fields have no methods; write lower(user)`,
		`user == "a" ` + strings.Repeat("x", 300): `4:19: an operator is missing before "xxx`,
		strings.Repeat("x", 300) + ` => 1`:        `4:308: at least is written >=`,
		`outcome = "` + strings.Repeat("x", 300) + `"`: `4:15: equality is written ==`,
	} {
		got := problems(head + "when: >-\n  " + when + "\n")
		want = shiftTo(want)
		if len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%.80s\n got %.300q\nwant %q", when, got, want)
		}
	}
}

// shiftTo moves a place behind "when: " on line 4 to where it stands on the line after it.
func shiftTo(s string) string {
	if rest, ok := strings.CutPrefix(s, "4:"); ok {
		column, message, _ := strings.Cut(rest, ":")
		if n, err := strconv.Atoi(column); err == nil {
			return fmt.Sprintf("f:5:%d:%s", n-4, message)
		}
	}
	return s
}

// The parser of YAML has words of its own for what is wrong. People get theirs.
func TestMistakesInYAMLSayWhatToWrite(t *testing.T) {
	t.Parallel()
	const bang = "an expression that begins with ! must stand in quotes"
	for yaml, want := range map[string]string{
		"when: !internal":            bang,
		"when: !internal && backend": "f:4:7: " + bang,
		"when: ! internal":           bang,
		"when: !(internal)":          bang,
		"type: sequence\nwindow: 1h\nsteps: [!internal, b]": "f:6:9: " + bang,
		"type: sequence\nwindow: 1h\nsteps:\n  - !a && b\n": "f:7:5: " + bang,
		"when: && internal":                              "f:4:7: a text that begins with & must stand in quotes",
		"when: &internal":                                "f:4:7: a text that begins with & must stand in quotes",
		"when: *internal":                                "a text that begins with * must stand in quotes",
		"when: @internal":                                "f:4:7: a text that begins with @ must stand in quotes",
		"when: %internal":                                "f:4:7: a text that begins with % must stand in quotes",
		"when: `internal`":                               "f:4:7: a text that begins with ` must stand in quotes",
		"\twhen: internal":                               "f:4:1: YAML wants blanks instead of a tab",
		"when: internal\n\t&& backend":                   "f:5:1: YAML wants blanks instead of a tab",
		"when: 'internal":                                "f:4:7: the text that begins with this ' has no closing '",
		"when: \"user == \\\"a\\\" && internal":          `f:4:7: the text that begins with this " has no closing "`,
		"when: \"auth == \"basic\"\"":                    `f:4:17: this stands behind the closing "; within the quotes write \" for one, or put the whole in single quotes`,
		"when: 'auth == 'basic''":                        `f:4:17: this stands behind the closing '; within the quotes write '' for one`,
		"when: \"user matches '\\d'\"":                   `f:4:23: within " a backslash begins an escape; put the text in single quotes instead`,
		"when: user: anna":                               "f:4:7: a text that holds a colon and a blank must stand in quotes",
		"when: internal\nnote: it says: stop":            "f:5:7: a text that holds a colon and a blank must stand in quotes",
		" when: internal":                                "f:4:2: this line begins further right than the keys",
		"when: internal\n\n  tags: [a]":                  "f:6:3: this line begins further right than the keys",
		"when:internal":                                  "f:4:1: a line must be key: value, with a blank after the colon",
		"when: internal &&\nbackend":                     "f:5:1: a line must be key: value, with a blank after the colon; one that continues a text begins with blanks",
		"tags: [a\nwhen: internal":                       "f:5:1: a comma is missing before this, or the closing ] of the list",
		"when: internal\nenforce: {policy: a\ntags: [a]": "the closing } of the mapping",
		"when: internal\ntags: [a, b":                    "f:5:7: this [ is never closed",
		"when: internal\ntags: - a":                      "f:5:7: a list whose items begin with - begins on the next line",
		"when: internal\ngroup_by: user":                 "f:5:11: group_by must be a list: [user]",
		"when: internal\ngroup_by: \"" + strings.Repeat("x", 300) + "\"": "group_by must be a list: [xxx",
	} {
		got := problems(head + yaml + "\n")
		if len(got) != 1 || !strings.Contains(got[0], want) || len(got[0]) > 400 {
			t.Errorf("%q\n got %.300q\nwant %q", yaml, got, want)
		}
	}
}

// No message for people speaks of tokens.
func TestNoMessageSpeaksOfTokens(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"=", "==", "&", "|", "||", "? :", ":", "..", ".", ",", ";", "(", ")", "[", "]", "{", "}", "!", "not", "in", "contains", "and", "#", "%", "*", "-", "internal =", "internal !", "internal not",
		"internal (", "internal {", "internal 1", "internal 'a'", "internal ?", "user in", "user in [", "user in [,]", "user in [1,,2]", "glob(", "glob(,)", "glob(user", "status in 1..", "all(", "1 1", "a.b.", "user?.", "date(", "if", "if a {", "let", "let a", "user |", "user | lower"} {
		for _, p := range problems(head + "when: >-\n  " + when + "\n") {
			if strings.Contains(p, "token") || strings.Contains(p, "EOF") || strings.Contains(p, "Operator(") {
				t.Errorf("%q: %s", when, p)
			}
		}
	}
}
