package main

// appendLatency writes where a proxied request went and the milliseconds it spent on the way.
func (w *proxyWriter) appendLatency(dst []byte, c int, r *request) []byte {
	n := r.noise
	switch c {
	case 25:
		return append(dst, r.server.fqdn...)
	case 26:
		return append(dst, w.build.dotted...)
	case 27:
		return append(dst, "IntraForest"...)
	case 28:
		return append(dst, r.hint()...)
	case 29:
		return append(dst, r.routeCookie...)
	case 32:
		return appendInt(dst, r.in)
	case 33:
		return appendInt(dst, r.out)
	case 34, 38, 40, 42, 45, 49, 65:
		if c == 34 {
			return append(dst, '1')
		}
		return dst
	case 36, 37, 48, 54, 55, 57, 59:
		return append(dst, byte('0'+n>>(c-36)&3))
	case 39, 41, 43, 44, 46, 51:
		return append(dst, '0')
	case 47, 64:
		return appendInt(dst, r.taken)
	case 50, 53, 56, 58, 61, 62, 63:
		return appendInt(dst, int64(n>>(c-50)&7))
	case 52, 60:
		return appendInt(dst, max(r.taken-int64(n&7), 0))
	}
	return dst
}

// hint is the value of RoutingHint that goes with the anchor.
func (r *request) hint() string {
	switch {
	case r.anchor == "":
		return "ServerInfo"
	case r.anchor[0] == 'S' && len(r.anchor) > 4 && r.anchor[3] == '~':
		return "WindowsIdentity"
	case r.anchor[0] == 'M':
		return "MailboxGuidWithDomain"
	}
	return "Smtp"
}

// appendTail writes the query and the long columns behind it.
func (w *proxyWriter) appendTail(dst []byte, c int, r *request) []byte {
	switch c {
	case 66:
		if r.query == "" {
			return dst
		}
		return appendCSV(append(dst, '?'), r.query)
	case 68:
		return w.appendInfo(dst, r)
	case colLast2016:
		return appendCSV(dst, r.errors)
	case 71:
		if r.backend != 0 {
			return guid{0x6f0c2a917e3d4b58, 0x91d4000000000000 | r.noise&0xff}.append(dst)
		}
	case 73:
		if r.backend != 0 {
			return append(dst, '0')
		}
	case colLast2019:
		return append(dst, "CafeV1"...)
	}
	return dst
}

// appendInfo writes GenericInfo: the diary of the request.
func (w *proxyWriter) appendInfo(dst []byte, r *request) []byte {
	begin := r.end - r.taken
	dst = w.calendar.appendStamp(append(dst, "BeginRequest="...), begin)
	dst = append(dst, ";CorrelationID=<empty>;"...)
	if r.backend != 0 {
		dst = append(dst, "ProxyState-Run=None;FEAuth=BEVersion-"...)
		dst = appendInt(dst, 1941996200+int64(w.build.columns))
		if w.brief {
			return w.closeInfo(append(dst, ';'), r)
		}
		dst = append(dst, ";RoutingEntry=DatabaseGuid:"...)
		dst = guid{0x6f0c2a917e3d4b58, 0x91d4000000000000 | r.noise&0xff}.append(dst)
		dst = append(append(dst, "%40contoso.com%20Server:"...), r.server.fqdn...)
		dst = append(dst, "+1942061552@2026-10-05T21%3A14%3A07;BeginGetResponse="...)
		dst = w.calendar.appendStamp(dst, min(begin+2, r.end))
		dst = w.calendar.appendStamp(append(dst, ";OnResponseReady="...), max(r.end-3, begin))
		dst = w.calendar.appendStamp(append(dst, ";EndGetResponse="...), max(r.end-3, begin))
		dst = append(append(dst, ";NewConnection="...), r.server.ip...)
		dst = append(dst, "&0;ProxyState-Complete=ProxyResponseData;"...)
	}
	return w.closeInfo(dst, r)
}

// closeInfo writes the last entries of the diary.
func (w *proxyWriter) closeInfo(dst []byte, r *request) []byte {
	dst = append(dst, "SharedCacheGuard=0;"...)
	if r.info != "" {
		dst = append(dst, r.info...)
	}
	dst = w.calendar.appendStamp(append(dst, "EndRequest="...), r.end)
	if w.brief {
		return append(dst, ';')
	}
	return append(dst, ";S:ServiceLatencyMetadata.AuthModuleLatency=0;I32:ATE.C[dc01.contoso.com]=1;"...)
}
