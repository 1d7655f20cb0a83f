package signin

import "bytes"

// protocolOf goes by HttpProxy's Protocol column and, where it says nothing known, by the first
// segment of the path. The query plays no part: an attacker writes /mapi/nspi there.
func protocolOf(label, path []byte) Protocol {
	if p, ok := protocolByLabel(label); ok {
		return p
	}
	return protocolByPath(path)
}

// protocolByLabel knows the names of the front end's proxy, which are those of its log folders.
func protocolByLabel(label []byte) (Protocol, bool) {
	var buf [24]byte
	switch string(lower(buf[:], label)) {
	case "autodiscover":
		return Autodiscover, true
	case "mapi":
		return MAPI, true
	case "ews":
		return EWS, true
	case "oab":
		return OAB, true
	case "rpchttp":
		return RPC, true
	case "eas":
		return ActiveSync, true
	case "owa", "owacalendar":
		return OWA, true
	case "ecp":
		return ECP, true
	case "powershell", "powershellliveid", "powershellgateway":
		return PowerShell, true
	case "rest":
		return REST, true
	case "outlookservice":
		return OutlookService, true
	case "reportingwebservice":
		return Reporting, true
	case "pushnotifications", "xrop":
		return OtherProtocol, true
	}
	return OtherProtocol, false
}

// EntryOf is the entry point that a path of Exchange's web site leads to; OtherProtocol if it is none.
func EntryOf(path string) Protocol { return protocolByPath([]byte(path)) }

func protocolByPath(path []byte) Protocol {
	if len(path) == 0 || path[0] != '/' {
		return OtherProtocol
	}
	segment, rest, _ := bytes.Cut(path[1:], slash)
	var buf [32]byte
	switch string(lower(buf[:], segment)) {
	case "autodiscover":
		return Autodiscover
	case "mapi":
		return MAPI
	case "ews":
		return EWS
	case "oab":
		return OAB
	case "rpc", "rpcwithcert":
		return RPC
	case "microsoft-server-activesync":
		return ActiveSync
	case "owa":
		return OWA
	case "ecp":
		if hasPrefixFold(rest, "reportingwebservice") {
			return Reporting
		}
		return ECP
	case "powershell", "powershell-liveid", "powershell-proxy":
		return PowerShell
	case "api":
		return REST
	case "outlookservice":
		return OutlookService
	}
	return OtherProtocol
}

// proxied reports whether HttpProxy tells of a path though it is of no protocol that we name. What
// else lives on the same site, such as /certsrv, only IIS tells of.
func proxied(path []byte) bool {
	return hasPrefixFold(path, "/pushnotifications") || hasPrefixFold(path, "/xrop")
}

var slash = []byte("/")

// lower writes the ASCII lower case of s into buf, or returns nil if it does not fit: nothing that
// is longer can be a name that we know.
func lower(buf, s []byte) []byte {
	if len(s) > len(buf) {
		return nil
	}
	for i, c := range s {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	return buf[:len(s)]
}

func hasPrefixFold(s []byte, prefix string) bool {
	return len(s) >= len(prefix) && equalFold(s[:len(prefix)], prefix)
}

func hasSuffixFold(s []byte, suffix string) bool {
	return len(s) >= len(suffix) && equalFold(s[len(s)-len(suffix):], suffix)
}

// equalFold compares with a lower-case ASCII word.
func equalFold(s []byte, word string) bool {
	if len(s) != len(word) {
		return false
	}
	for i, c := range s {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

// authOf reads an authentication type as Exchange, IIS or a logon command spells it.
// Source: the labels of the front end's modules and .NET's names of identity types.
//
// A client can make HttpProxy write the first word of its Authorization header there, a password included.
func authOf(logged []byte) (Auth, Mechanism) {
	var buf [24]byte
	switch string(lower(buf[:], bytes.TrimSpace(logged))) {
	case "basic", "liveidbasic":
		return Basic, NoMechanism
	case "login":
		return Basic, Login
	case "plain":
		return Basic, Plain
	case "digest":
		return Digest, NoMechanism
	case "ntlm":
		return NTLM, NoMechanism
	case "kerberos":
		return Kerberos, NoMechanism
	case "negotiate", "gssapi":
		return Negotiate, NoMechanism
	case "fba", "forms":
		return Forms, NoMechanism
	case "bearer", "xoauth2", "oauthbearer", "oauth":
		return OAuth, NoMechanism
	case "adfs", "federation":
		return ADFS, NoMechanism
	case "ssl/pct", "ssl", "clientcertificate", "certificate":
		return Certificate, NoMechanism
	}
	if hasPrefixFold(logged, "liveidnegotiate") {
		return Negotiate, NoMechanism
	}
	return UnknownAuth, NoMechanism
}

// KnownAuthType reports whether a logged authentication type is one that Exchange, IIS or a logon command write by
// themselves. Another may be text that a client sent, such as a password, and is not for showing.
func KnownAuthType(logged []byte) bool {
	a, _ := authOf(logged)
	if a == UnknownAuth {
		a, _ = cloudAuth(&Facts{AuthType: logged})
	}
	return a != UnknownAuth
}
