package main

import "strings"

// proxyColumns is the header of an HttpProxy log of 2016 CU16 and later; older builds stop earlier.
const proxyColumns = "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,ClientRequestId,Protocol,UrlHost,UrlStem," +
	"ProtocolAction,AuthenticationType,IsAuthenticated,AuthenticatedUser,Organization,AnchorMailbox,UserAgent,ClientIpAddress," +
	"ServerHostName,HttpStatus,BackEndStatus,ErrorCode,Method,ProxyAction,TargetServer,TargetServerVersion,RoutingType,RoutingHint," +
	"BackEndCookie,ServerLocatorHost,ServerLocatorLatency,RequestBytes,ResponseBytes,TargetOutstandingRequests,AuthModulePerfContext," +
	"HttpPipelineLatency,CalculateTargetBackEndLatency,GlsLatencyBreakup,TotalGlsLatency,AccountForestLatencyBreakup," +
	"TotalAccountForestLatency,ResourceForestLatencyBreakup,TotalResourceForestLatency,ADLatency,SharedCacheLatencyBreakup," +
	"TotalSharedCacheLatency,ActivityContextLifeTime,ModuleToHandlerSwitchingLatency,ClientReqStreamLatency,BackendReqInitLatency," +
	"BackendReqStreamLatency,BackendProcessingLatency,BackendRespInitLatency,BackendRespStreamLatency,ClientRespStreamLatency," +
	"KerberosAuthHeaderLatency,HandlerCompletionLatency,RequestHandlerLatency,HandlerToModuleSwitchingLatency,ProxyTime,CoreLatency," +
	"RoutingLatency,HttpProxyOverhead,TotalRequestTime,RouteRefresherLatency,UrlQuery,BackEndGenericInfo,GenericInfo,GenericErrors," +
	"EdgeTraceId,DatabaseGuid,UserADObjectGuid,PartitionEndpointLookupLatency,RoutingStatus"

// The places of the columns that carry something, counted from 1 as in the header above.
const (
	colAuthentication = 12
	colLast2016       = 69 // GenericErrors, where builds before 2016 CU16 stop
	colLast2019       = 74 // RoutingStatus
)

// A proxyWriter renders requests as lines of an HttpProxy log of one build.
type proxyWriter struct {
	build    build
	order    []int // columns in the order of this file, counted from 1
	calendar calendar
	upper    bool // writes True and False, as the first builds did
	brief    bool // keeps GenericInfo short
}

// newProxyWriter writes the columns of a build in their usual order.
func newProxyWriter(b build) *proxyWriter {
	w := &proxyWriter{build: b}
	for i := range b.columns {
		w.order = append(w.order, i+1)
	}
	return w
}

func (w *proxyWriter) header() string {
	names := strings.Split(proxyColumns, ",")
	out := make([]string, len(w.order))
	for i, c := range w.order {
		out[i] = names[c-1]
	}
	return strings.Join(out, ",")
}

// appendHeader writes the directives; a new file starts with the bare header row as well, so that Import-Csv reads it.
func (w *proxyWriter) appendHeader(dst []byte, ms int64, fresh bool) []byte {
	if fresh {
		dst = append(append(dst, w.header()...), "\r\n"...)
	}
	dst = append(dst, "#Software: Microsoft Exchange Server\r\n#Version: "...)
	dst = append(dst, w.build.dotted...)
	dst = append(dst, "\r\n#Log-type: HttpProxy Logs\r\n#Date: "...)
	dst = w.calendar.appendStamp(dst, ms)
	dst = append(append(dst, "\r\n#Fields: "...), w.header()...)
	return append(dst, "\r\n"...)
}

// appendLine writes one request.
func (w *proxyWriter) appendLine(dst []byte, r *request) []byte {
	for i, c := range w.order {
		if i > 0 {
			dst = append(dst, ',')
		}
		switch {
		case c <= 11:
			dst = w.appendWhat(dst, c, r)
		case c <= 24:
			dst = w.appendWho(dst, c, r)
		case r.backend == 0 && c < 64:
			dst = appendNotProxied(dst, c)
		case c < 66:
			dst = w.appendLatency(dst, c, r)
		default:
			dst = w.appendTail(dst, c, r)
		}
	}
	return append(dst, "\r\n"...)
}

func (w *proxyWriter) appendWhat(dst []byte, c int, r *request) []byte {
	switch c {
	case 1:
		return w.calendar.appendStamp(dst, r.end)
	case 2:
		return r.id.append(dst)
	case 3:
		return append(dst, w.build.major...)
	case 4:
		return append(dst, w.build.minor...)
	case 5:
		return append(dst, w.build.build...)
	case 6:
		return append(dst, w.build.revision...)
	case 7:
		return append(dst, r.ticket...)
	case 8:
		return append(dst, r.vdir.name...)
	case 9:
		return append(dst, r.host...)
	case 10:
		return appendCSV(dst, r.stem)
	}
	return append(dst, r.action...)
}

func (w *proxyWriter) appendWho(dst []byte, c int, r *request) []byte {
	switch c {
	case colAuthentication:
		return append(dst, r.label...)
	case 13:
		return append(dst, w.truth(r.authenticated)...)
	case 14:
		return append(dst, r.account...)
	case 15:
		return append(dst, r.organization...)
	case 16:
		return append(dst, r.anchor...)
	case 17:
		return append(dst, r.agent.proxy...)
	case 18:
		return appendForward(dst, r)
	case 19:
		return append(dst, r.server.name...)
	case 20:
		return appendInt(dst, int64(r.status))
	case 21:
		if r.backend == 0 {
			return dst
		}
		return appendInt(dst, int64(r.backend))
	case 22:
		return append(dst, r.errorCode...)
	case 23:
		return append(dst, r.method...)
	}
	if r.backend == 0 {
		return dst
	}
	return append(dst, "Proxy"...)
}

func (w *proxyWriter) truth(b bool) string {
	switch {
	case b && w.upper:
		return "True"
	case b:
		return "true"
	case w.upper:
		return "False"
	}
	return "false"
}

// appendForward writes X-Forwarded-For as it arrived, with spaces for commas, or the socket's address.
func appendForward(dst []byte, r *request) []byte {
	if r.forward == "" {
		return append(dst, r.ip...)
	}
	return appendCSV(dst, r.forward)
}

// appendNotProxied writes the columns of a request that the front end answered by itself.
func appendNotProxied(dst []byte, c int) []byte {
	switch c {
	case 32, 36, 39, 41, 43, 44, 46:
		return append(dst, '0')
	}
	return dst
}

// appendCSV writes a value as Exchange does: no comma survives, and a value is quoted only if it holds a quote.
func appendCSV(dst []byte, s string) []byte {
	if strings.IndexByte(s, '"') >= 0 {
		s = `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	from := len(dst)
	dst = append(dst, s...)
	for i := from; i < len(dst); i++ {
		if dst[i] == ',' {
			dst[i] = ' '
		}
	}
	return dst
}
