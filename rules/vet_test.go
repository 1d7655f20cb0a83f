package rules_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/rules"
)

// What could loop, grow, or mean something else tomorrow is refused, with the reason.
func TestRefusedExpressions(t *testing.T) {
	t.Parallel()
	for when, want := range map[string]string{
		`now() > time`:                                 "4:7: now() is refused",
		`internal && now().Hour() > 3`:                 "4:25: fields have no",
		`all([1, 2], # > 1)`:                           "4:7: all() is refused: a rule must not loop",
		`len(filter([1], true)) > 0`:                   "4:11: filter() is refused",
		`reduce(1..9, #acc + #, 0) > 1`:                "4:7: reduce() is refused",
		`any(1..9, # == status)`:                       "any() is refused",
		`repeat("a", 1000000) == user`:                 "4:7: repeat() is not available",
		`user + "x" == "y"`:                            "4:12: texts cannot be joined with +",
		`("a" + "b") == user`:                          "texts cannot be joined",
		`[user, domain] == []`:                         "a list can only stand right of in",
		`user in [domain, "x"]`:                        "right of in must stand a list of constants",
		`user in []`:                                   "right of in must stand a list of constants",
		`user in ["a", 1]`:                             "right of in must stand a list of constants",
		`status in 1..hour`:                            "right of in must stand a list of constants",
		`(1..9) == (1..9)`:                             "a range can only stand right of in",
		`float(user) in 1..9`:                          "a range needs a whole number",
		`{"a": 1}["a"] == 1`:                           "4:15: fields have no members",
		`user[0:2] == "ab"`:                            "slices are not available",
		`let x = user; x == "a"`:                       "without let and ;",
		`internal; backend`:                            "without let and ;",
		`user matches agent`:                           "the pattern of matches must be a constant",
		`user matches "("`:                             "4:20: error parsing regexp",
		`user matches "((a{100}){100}){10}"`:           "4:20: error parsing regexp: invalid repeat count",
		`user matches "[a-z]{900}[^b]{900}(a|b){900}"`: "the pattern is too large",
		`2 ** 9999 > 1`:                                "powers are refused",
		`status / 0 > 1`:                               "division by zero",
		`status % 0 == 1`:                              "division by zero",
		`status % (1 - 1) == 1`:                        "division by zero",
		`1e308 * 10 > status`:                          "this constant is not finite",
		`1e999 > status`:                               "4:13: invalid float literal",
		`status > -(1e308 * 1e308)`:                    "not finite",
		`nil == user`:                                  "4:7: nil: a field always has a value",
		`(user ?? "x") == "a"`:                         "is not available in rules",
		`$env == 1`:                                    "there is no field",
		`toJSON(user) == ""`:                           "toJSON() is not available",
		`fromJSON(agent) == user`:                      "fromJSON() is not available",
		`split(agent, "a") == []`:                      "split() is not available",
		`glob(user)`:                                   "glob takes a value and a constant",
		`glob(user, agent)`:                            "glob takes a value and a constant",
		`glob(user, "")`:                               "an empty pattern fits nothing",
		`cidr(address)`:                                "cidr takes an address and ranges",
		`cidr(address, "10.0.0.0/33")`:                 `4:21: "10.0.0.0/33" is not a range`,
		`cidr(address, agent)`:                         "the ranges of cidr must be constants",
		`date(agent) < time`:                           "date takes a constant",
		`date("yesterday") < time`:                     "invalid date",
		`time - time == time - time`:                   "times cannot be subtracted",
		`protocol == "EWS"`:                            `protocol is never "EWS"; did you mean "ews"?`,
		`"basik" != auth`:                              `4:7: auth is never "basik"; did you mean "basic"?`,
		`outcome in ["success", "fail"]`:               `4:30: outcome is never "fail"`,
		`weekday == "Sunday"`:                          `weekday is never "Sunday"; did you mean "sunday"?`,
		`modern == "maybe"`:                            `modern is never "maybe"; it is one of unknown, yes or no`,
		`dataset == "iis"`:                             `dataset is never "iis"; did you mean "outmode.iis"?`,
		`protocl == "ews"`:                             `4:7: there is no field "protocl"; did you mean "protocol"?`,
		`lowr(user) == "a"`:                            `there is no function "lowr"; did you mean "lower"?`,
		`status == "401"`:                              "4:14: == cannot stand between a whole number and a text; a number stands without quotes",
		`user`:                                         "4:7: this is a text; a rule needs a condition",
		`status`:                                       "this is a whole number; a rule needs a condition",
		`internal == `:                                 "the expression ends too early: something must follow \"==\"",
		`internal &&& backend`:                         "4:18: and is written &&",
		strings.Repeat("(", 201) + "internal" + strings.Repeat(")", 201): "4:207: more than 200 brackets",
		"internal" + strings.Repeat(" || internal", 5000):                "exceeds maximum allowed nodes",
		"internal /*" + strings.Repeat("x", 64<<10) + "*/":               "longer than 64 KiB",
	} {
		got := problems(head + "when: '" + strings.ReplaceAll(when, "'", "''") + "'\n")
		want = strings.Replace(want, "4:", "f:4:", 1)
		// The quote moves every place by one.
		if len(got) != 1 || !strings.Contains(got[0], shift(want)) {
			t.Errorf("%.80s\n got %.300q\nwant %q", when, got, shift(want))
		}
	}
}

// shift moves a place on line 4 by one column.
func shift(s string) string {
	var line, column int
	if n, err := fmt.Sscanf(s, "f:%d:%d:", &line, &column); err != nil || n != 2 {
		return s
	}
	_, rest, _ := strings.Cut(s, ": ")
	return fmt.Sprintf("f:%d:%d: %s", line, column+1, rest)
}

// An expression's first error is the one that is named.
func TestFirstError(t *testing.T) {
	t.Parallel()
	for when, at := range map[string]string{`status == "x" && oops`: "f:4:14:", `oops && status == "x"`: "f:4:7:", `internal && oops && protocol == "x"`: "f:4:19:"} {
		if got := problems(head + "when: " + when + "\n"); len(got) != 1 || !strings.HasPrefix(got[0], at) {
			t.Errorf("%s: %q, want %s", when, got, at)
		}
	}
}

func TestAllowedExpressions(t *testing.T) {
	t.Parallel()
	for _, when := range []string{
		`not (internal or backend) and user != ""`, `status in 400..499 && status not in [403, 404]`, `user | lower() == "a"`,
		`internal ? backend : privileged`, `if internal { backend } else { privileged }`, `8 <= hour < 18`, `len(trim(user)) > 3`, `hasPrefix(agent, "x")`,
		`time >= date("2026-01-31") && time < date("2026-02-28 12:00:00")`, `int(user) + 1 > hour * 2 - 3`, `abs(hour - 12) > 4`, `user matches "(?i)^adm"`,
		`cidr(address, "192.0.2.1", "2001:db8::/32")`, `agent contains user`, `protocol startsWith "e"`, `mfa == "unknown" && mfa_reason == ""`,
		strings.Repeat("(", 200) + "internal" + strings.Repeat(")", 200), `user == "((((" // ((((`, "internal &&\n// a comment )))\nbackend",
		`dataset == "outmode.iis"`, `user in ["a", "b"]`, `legacy_exo && !legacy_onprem`, `internal == (status > 400)`, `1 < 2 && internal`, `float(client_version) >= 16.5`,
	} {
		_, ps := rules.Load([]rules.File{{Name: "f", Data: fmt.Appendf(nil, "%swhen: %q\n", head, when)}})
		if len(ps) > 0 {
			t.Errorf("%s: %v", when, ps)
		}
	}
}

func TestGlob(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"a", "a", true}, {"a", "A", true}, {"A", "a", true}, {"a", "ab", false}, {"a*", "abc", true}, {"*a", "cba", true}, {"*a", "ab", false},
		{"a*b", "ab", true}, {"a*b", "a", false}, {"ab*ba", "aba", false}, {"a*a", "a", false}, {"a*a", "aa", true}, {"*", "", true}, {"**", "x", true}, {"?", "", false}, {"?", "ä", true}, {"?b", "äb", true},
		{"*?", "", false}, {"*?", "ä", true}, {"a*c*e", "abcde", true}, {"a*c*e", "aecd", false}, {"*b?d*", "abcde", true}, {"*b?d*", "abde", false},
		{"/ews/*.asmx", "/EWS/Exchange.asmx", true}, {"*ÄÖ*", "xäöy", true}, {"a.c", "abc", false}, {"[a]", "a", false}, {"??", "a", false}, {`contoso\svc*`, `CONTOSO\svc-erp`, true}, {"", "", false}, {strings.Repeat("a", 600), strings.Repeat("a", 600), false},
	} {
		if got := rules.Glob(c.pattern, c.text); got != c.want {
			t.Errorf("glob(%q, %q) = %v", c.text, c.pattern, got)
		}
	}
}

// A pattern of many stars must not take longer than the text is long: a matcher that goes back takes
// hours here.
func TestGlobIsLinear(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("a", 1<<17)
	for _, pattern := range []string{strings.Repeat("*a", 200) + "b", strings.Repeat("a*", 200) + "b*", strings.Repeat("*a?", 100) + "*b", "*" + strings.Repeat("?a", 100) + "b*"} {
		if rules.Glob(pattern, text) {
			t.Errorf("%s fits", pattern)
		}
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("a*b?c", "axxbyc")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 20 || len(text) > 200 || pattern == "" {
			return
		}
		got := rules.Glob(pattern, text)
		if want := slowGlob([]rune(strings.ToLower(pattern)), []rune(strings.ToLower(text))); got != want {
			t.Errorf("glob(%q, %q) = %v", text, pattern, got)
		}
	})
}

// slowGlob is what a glob means.
func slowGlob(p, s []rune) bool {
	reach := map[int]bool{0: true} // places in s that the pattern so far can end at
	for _, c := range p {
		next := map[int]bool{}
		for i := range reach {
			switch {
			case c == '*':
				for k := i; k <= len(s); k++ {
					next[k] = true
				}
			case i < len(s) && (c == '?' || c == s[i]):
				next[i+1] = true
			}
		}
		reach = next
	}
	return reach[len(s)]
}

func TestHelpers(t *testing.T) {
	t.Parallel()
	w := newWorld(newRand(6))
	s := w.signIn(newRand(6))
	for when, want := range map[string]string{
		`cidr("10.1.2.3", "10.0.0.0/8")`: "true", `cidr("", "0.0.0.0/0", "::/0")`: "false", `cidr("no", "0.0.0.0/0")`: "false", `cidr("::ffff:10.1.2.3", "10.0.0.0/8")`: "true",
		`cidr("fe80::1%3", "fe80::/10")`: "true", `cidr("192.0.2.1", "192.0.2.1")`: "true", `cidr("192.0.2.2", "192.0.2.1", "192.0.2.2/31")`: "true", `cidr("2001:db8::1", "2001:db8:0:0::/64")`: "true",
		`in_list("ANNA", "vips")`: "true", `in_list("bert", "vips")`: "true", `in_list("abba", "vips")`: "false", `in_list("", "vips")`: "false", `in_list("192.0.2.77", "places")`: "true",
	} {
		set := load(t, testLists+rule(when))
		j := set.NewJudge()
		h := j.Line(j.Row(s), s)
		if got := set.Ruled(h, 0)[0]; got != want {
			t.Errorf("%s is %s", when, got)
		}
		p, err := rules.CompilePlain(set, when, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Run(s); got != want {
			t.Errorf("%s is %s to expr", when, got)
		}
	}
}

// Rules see at most 2 KiB of a text, and a whole letter at its end.
func TestTextsAreCut(t *testing.T) {
	t.Parallel()
	w := newWorld(newRand(7))
	s := w.signIn(newRand(7))
	s.Facts.Path = []byte(strings.Repeat("ä", 3000))
	client := *s.Client
	client.Agent = "x" + strings.Repeat("ä", 3000)
	s.Client = &client
	set := load(t, rule(fmt.Sprintf("len(path) == %d && len(agent) == %d", rules.MaxText/2, rules.MaxText/2)))
	j := set.NewJudge()
	if h := j.Line(j.Row(s), s); len(h.Match) != 1 {
		t.Error("the texts have other lengths")
	}
}
