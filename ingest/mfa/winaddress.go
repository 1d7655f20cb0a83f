package mfa

import (
	"bytes"
	"net/netip"
)

// addresses picks the client's out of the lists of addresses that AD FS writes: the client first, then every proxy that
// passed the request on. It remembers what it picked, since an address costs an allocation to read.
type addresses struct {
	proxies []netip.Prefix
	known   map[string]picked
}

// A picked is where in a list the two candidates stand.
type picked struct {
	client, leftmost span
}

type span struct{ from, to int }

// maxKnown bounds how many lists are remembered, and maxList how long one may be: 40 hops.
const (
	maxKnown = 8192
	maxList  = 40 * 46
)

// client returns the rightmost address of a list that is neither private nor one of the organisation's proxies: what
// stands left of it, anybody can write. Where all are, the client is inside, and it is the leftmost that is no proxy.
// It has no port and no zone. It is nil for a list that holds no address.
func (a *addresses) client(list []byte) []byte { return a.pick(list).client.of(list) }

// leftmost returns the leftmost address that is not private, else the leftmost. For requests that Exchange Online passes
// on it is the client's: the others are Exchange Online's, which are as public.
func (a *addresses) leftmost(list []byte) []byte { return a.pick(list).leftmost.of(list) }

func (s span) of(list []byte) []byte {
	if s.to == 0 {
		return nil
	}
	return list[s.from:s.to:s.to]
}

func (a *addresses) pick(list []byte) picked {
	if len(list) == 0 || len(list) > maxList {
		return picked{}
	}
	if p, ok := a.known[string(list)]; ok {
		return p
	}
	if a.known == nil || len(a.known) >= maxKnown {
		a.known = make(map[string]picked)
	}
	p := a.read(list)
	a.known[string(list)] = p
	return p
}

func (a *addresses) read(list []byte) picked {
	var p picked
	var inside, any span
	public := false
	for from := 0; from <= len(list); {
		end := bytes.IndexAny(list[from:], ",;")
		if end < 0 {
			end = len(list) - from
		}
		s, ip, ok := hostIn(list, from, from+end)
		from += end + 1
		if !ok {
			continue
		}
		proxy := false
		for _, known := range a.proxies {
			proxy = proxy || known.Contains(ip)
		}
		outside := !proxy && !ip.IsPrivate() && !ip.IsLoopback() && !ip.IsLinkLocalUnicast()
		switch {
		case outside:
			p.client = s
			if !public {
				public, p.leftmost = true, s
			}
		case !proxy && inside.to == 0:
			inside = s
		}
		if any.to == 0 {
			any = s
		}
	}
	if inside.to == 0 {
		inside = any
	}
	if p.client.to == 0 {
		p.client = inside
	}
	if p.leftmost.to == 0 {
		p.leftmost = any
	}
	return p
}

// hostIn finds the address in a part of a list: without blanks, brackets, port and zone. 0.0.0.0 and :: are none.
func hostIn(list []byte, from, to int) (span, netip.Addr, bool) {
	for from < to && list[from] == ' ' {
		from++
	}
	for from < to && list[to-1] == ' ' {
		to--
	}
	part := list[from:to]
	if bytes.HasPrefix(part, []byte("[")) {
		from++
		if n := bytes.IndexByte(part, ']'); n >= 0 {
			to = from + n - 1
		}
	} else if n := bytes.IndexByte(part, ':'); n >= 0 && bytes.Count(part, []byte(":")) == 1 {
		to = from + n
	}
	if n := bytes.IndexByte(list[from:to], '%'); n >= 0 {
		to = from + n
	}
	ip, err := netip.ParseAddr(string(list[from:to]))
	return span{from, to}, ip.Unmap(), err == nil && !ip.IsUnspecified()
}
