package signin

import (
	"bytes"
	"net/netip"
	"strings"
)

// An Address is where a sign-in came from, parsed.
type Address struct {
	Raw      string     // as logged
	IP       netip.Addr // the first valid address: the client as it is claimed; the zero Addr if none is valid
	Internal bool       // every valid address of the list lies in the organisation's ranges
	Local    bool       // loopback or link-local: the server itself
	Several  bool       // the log gave more than one valid address
}

// String is the address in its shortest form, or "" if the log gave no valid one.
func (a *Address) String() string {
	if !a.IP.IsValid() {
		return ""
	}
	return a.IP.String()
}

// DefaultInternal returns the ranges that count as inside unless the operator names others:
// RFC 1918, unique local, loopback and link-local.
func DefaultInternal() []netip.Prefix {
	var ps []netip.Prefix
	for _, s := range []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10"} {
		ps = append(ps, netip.MustParsePrefix(s))
	}
	return ps
}

// parseAddress reads the client address of a line. HttpProxy writes the X-Forwarded-For header as
// the client sent it, its commas turned into blanks, so that it may be a list, carry ports and
// zones, or be junk. An outsider can put an inside address in front, so the list is inside only if
// all of it is.
func parseAddress(raw []byte, internal []netip.Prefix) *Address {
	a := &Address{Raw: string(raw)}
	all := true
	for field := range bytes.FieldsFuncSeq(raw, func(r rune) bool { return r == ' ' || r == ',' || r == '+' }) {
		ip, ok := ParseHost(string(field))
		if !ok {
			continue
		}
		if a.Several = a.IP.IsValid(); !a.Several {
			a.IP = ip
			a.Local = ip.IsLoopback() || ip.IsLinkLocalUnicast()
		}
		all = all && contains(internal, ip)
	}
	a.Internal = all && a.IP.IsValid()
	return a
}

// ParseHost reads an address that may carry brackets, a port and a zone, all of which it drops.
// ok is false for anything else.
func ParseHost(s string) (netip.Addr, bool) {
	if rest, ok := strings.CutPrefix(s, "["); ok {
		s, _, _ = strings.Cut(rest, "]")
	} else if strings.Count(s, ":") == 1 {
		s, _, _ = strings.Cut(s, ":")
	}
	s, _, _ = strings.Cut(s, "%")
	ip, err := netip.ParseAddr(s)
	return ip.Unmap(), err == nil
}

func contains(ps []netip.Prefix, ip netip.Addr) bool {
	for _, p := range ps {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}
