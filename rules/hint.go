package rules

import (
	"strings"

	"github.com/expr-lang/expr/ast"
)

// What people call things that have another name here. The suggestions for misspelled names find what is
// near in letters; these are near in meaning.

// fieldHint ends a message about a field that does not exist.
func fieldHint(name string) string {
	switch low := strings.ToLower(name); low {
	case "true", "false":
		if low != name {
			return "; " + low + " is written in lower case"
		}
	case "null", "none", "nothing", "undefined":
		return "; a field always has a value: compare with \"\" or 0"
	case "ip", "client_ip", "clientip", "c_ip", "source_ip", "src_ip", "remote_address", "clientipaddress":
		return "; did you mean \"address\"?"
	case "account", "username", "user_name", "cs_username", "authenticateduser", "mailbox":
		return "; did you mean \"user\"?"
	case "useragent", "user_agent", "program":
		return "; did you mean \"agent\"?"
	case "url", "uri", "stem", "cs_uri_stem", "urlstem":
		return "; did you mean \"path\"?"
	case "result", "success", "failure":
		return "; did you mean outcome == \"success\"?"
	case "host", "hostname", "computer":
		return "; did you mean \"server\"?"
	case "authentication", "auth_type", "authenticationtype", "method":
		return "; did you mean \"auth\"?"
	case "date", "timestamp", "datetime":
		return "; did you mean \"time\"?"
	case "day":
		return "; did you mean \"weekday\"?"
	case "legacy":
		return "; did you mean \"legacy_exo\" or \"legacy_onprem\"?"
	}
	if near := suggest(name, fieldNames[:]); near != "" {
		return near
	}
	return "; a text must stand in quotes"
}

// functionHint ends a message about a function that does not exist.
func functionHint(name string) string {
	switch strings.ToLower(name) {
	case "contains", "includes":
		return "; write user contains \"a\""
	case "match", "regex", "regexp", "regexmatch", "matches":
		return "; write user matches \"^svc-\""
	case "like", "wildcard":
		return "; write glob(user, \"svc-*\")"
	case "tolower", "lowercase", "lcase":
		return "; did you mean \"lower\"?"
	case "toupper", "uppercase", "ucase":
		return "; did you mean \"upper\"?"
	case "length", "size", "count":
		return "; did you mean \"len\"?"
	case "substring", "substr", "left", "right", "mid", "split", "replace":
		return "; use startsWith, endsWith, contains, matches or glob"
	case "has", "exists", "isset", "empty", "isempty":
		return "; compare with \"\": user != \"\""
	case "subnet", "inrange", "in_range", "insubnet", "ip", "ipaddress":
		return "; did you mean \"cidr\"?"
	case "startswith", "endswith", "beginswith":
		return "; write user startsWith \"a\" or user endsWith \"a\""
	}
	if near := nearest(name, append(functionNames(), "startsWith", "endsWith")); near == "startsWith" || near == "endsWith" {
		return "; write user " + near + " \"a\""
	} else if near != "" {
		return "; did you mean " + quote(near) + "?"
	}
	return "; there are " + strings.Join(functionNames(), ", ")
}

// methodHint ends a message about a method, of which fields have none.
func methodHint(callee ast.Node) string {
	if m, ok := callee.(*ast.MemberNode); ok {
		if name, ok := m.Property.(*ast.StringNode); ok {
			switch near := nearest(name.Value, []string{"contains", "startsWith", "endsWith", "matches"}); near {
			case "":
			default:
				return "; write user " + near + " \"a\""
			}
			if near := nearest(name.Value, functionNames()); near != "" {
				return "; write " + near + "(user)"
			}
		}
	}
	return "; for the parts of time there are hour and weekday"
}
