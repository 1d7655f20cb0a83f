package mfa

import (
	"net/netip"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// Options are what the operator knows of gateways.
type Options struct {
	// Outcomes are asked before the tables of this package: by the kind of log and the vendor's word, in lower case.
	Outcomes func(kind signin.Kind, word string) (signin.FactorOutcome, bool)
	Zone     *time.Location                 // of times that name none, where the format does not fix it; nil: UTC
	Zones    map[signin.Kind]*time.Location // the same of one kind of log, before Zone
	Proxies  []netip.Prefix                 // the organisation's own, in lists of addresses through which a request went; private ones are known
	Mappings []*MappedLog                   // asked by Declared
}

// A look tells from the head of a file whether it is a log of one gateway. Its Format has a Name if it is.
type look func(o *Options, head []byte) ingest.Format

// looks are the gateways, in the order in which they are asked. lookEvents is last: it knows what nobody reads.
func looks() []look {
	return []look{lookUAL, lookEntra, duoLook, authProxyLook, oktaLook, monosignLook, lookADFS, lookNPS, lookWAP, lookEvents}
}

// Recognize says what a file is from its head, as exchange.Recognize does. Name is empty where no gateway is known by it.
func (o *Options) Recognize(head []byte) ingest.Format {
	for _, l := range looks() {
		if f := l(o, head); f.Name != "" {
			return f
		}
	}
	return ingest.Format{}
}

// zone is where the clock stands that a log of that kind shows, where it does not say so.
func (o *Options) zone(kind signin.Kind) *time.Location {
	if z := o.Zones[kind]; z != nil {
		return z
	}
	return o.Zone
}

// A table turns a vendor's word, in lower case, into an outcome.
type table map[string]signin.FactorOutcome

// outcome reads a vendor's word: the operator's table comes first.
func (o *Options) outcome(kind signin.Kind, t table, word []byte) signin.FactorOutcome {
	if o.Outcomes != nil {
		if is, ok := o.Outcomes(kind, string(word)); ok {
			return is
		}
	}
	if is, ok := t[string(word)]; ok {
		return is
	}
	return signin.FactorUnknown
}
