package main

import (
	"strconv"
	"strings"
)

// proxyColumns is the header of an HttpProxy log of 2016 CU16 and later; older builds stop at GenericErrors.
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

const (
	columns2016 = 69
	columns2019 = 74
)

// A vdir is a virtual directory of the front end, and how clients prove themselves there.
type vdir struct {
	folder, label, stem, protocol string
	methods                       []method
}

// A method is an AuthenticationType and the word for it in usage rows.
type method struct{ label, auth string }

func vdirs() []vdir {
	basic, negotiate, bearer, ntlm := method{"Basic", "basic"}, method{"Negotiate", "negotiate"}, method{"Bearer", "oauth"}, method{"NTLM", "ntlm"}
	return []vdir{
		{"Ews", "Ews", "/EWS/Exchange.asmx", "ews", []method{basic, negotiate, bearer, ntlm}},
		{"Mapi", "Mapi", "/mapi/emsmdb/", "mapi", []method{negotiate, bearer}},
		{"Eas", "Eas", "/Microsoft-Server-ActiveSync/default.eas", "activesync", []method{basic, bearer}},
		{"Autodiscover", "Autodiscover", "/autodiscover/autodiscover.xml", "autodiscover", []method{basic, negotiate, ntlm}},
		{"OAB", "Oab", "/OAB/oab.xml", "oab", []method{negotiate, basic}},
		{"Owa", "Owa", "/owa/service.svc", "owa", []method{{"FBA", "forms"}}},
	}
}

// A proxyLog writes the HttpProxy log of one virtual directory.
type proxyLog struct {
	vdir    vdir
	columns int
}

// header may change the build: an update in the middle of a file brings other columns.
func (p *proxyLog) header(s *scene, fresh bool) string {
	p.columns = columns2019
	version := "15.02.1544.004"
	if s.chance(50) {
		p.columns, version = columns2016, "15.01.0466.034"
	}
	names := strings.Join(strings.Split(proxyColumns, ",")[:p.columns], ",")
	text := "#Software: Microsoft Exchange Server\r\n#Version: " + version + "\r\n#Log-type: HttpProxy Logs\r\n#Date: " + stamp(s.at) +
		"\r\n#Fields: " + names + "\r\n"
	if fresh {
		return names + "\r\n" + text // the bare row, so that Import-Csv reads it
	}
	return text
}

func (p *proxyLog) open() bool { return false }

func (p *proxyLog) closing(s *scene) (string, told) { return p.line(s) }

// line writes one request: mostly somebody who authenticated.
func (p *proxyLog) line(s *scene) (string, told) {
	m := pick(s, p.vdir.methods)
	r := request{label: m.label, authenticated: "true", agent: pick(s, s.agents), status: "200"}
	switch n := s.rng.IntN(1000); {
	case n < 120:
		r.user = `CONTOSO\` + s.health()
		r.agent = "AMProbe/Local/ClientAccess"
		return p.row(s, &r), told{verdict: noise}
	case n < 180:
		r = request{label: "Negotiate", authenticated: "false", agent: r.agent, status: "401"}
		return p.row(s, &r), told{verdict: other}
	case n < 220:
		r = request{label: "Basic", authenticated: "false", agent: r.agent, status: "401"}
		return p.row(s, &r), told{signIn, p.key(s, "", "basic", "failure"), true}
	case n < 223 && !s.tidy:
		r.user = s.account()
		row := p.row(s, &r)
		return row[:strings.LastIndexByte(row, ',')], told{verdict: malformed} // a column is missing
	case n < 225:
		return "", told{verdict: other}
	}
	r.user = s.account()
	outcome := "success"
	switch s.rng.IntN(20) {
	case 0:
		r.status, outcome = "401", "blocked"
	case 1:
		r.status = "403" // the password was right all the same
	}
	return p.row(s, &r), told{verdict: signIn, key: p.key(s, r.user, m.auth, outcome)}
}

func (p *proxyLog) key(s *scene, user, auth, outcome string) key {
	return key{s.server.name, "outmode.httpproxy", strings.ToLower(user), p.vdir.protocol, auth, outcome}
}

// A request is what differs from one row to the next.
type request struct {
	label, authenticated, user, agent, status string
}

func (p *proxyLog) row(s *scene, r *request) string {
	var c [columns2019 + 1]string // counted from 1
	c[1], c[2] = stamp(s.at), s.guid()
	c[3], c[4], c[5], c[6] = "15", "2", "1544", "4"
	c[8], c[9], c[10] = p.vdir.label, "mail.contoso.com", p.vdir.stem
	c[12], c[13], c[14] = r.label, r.authenticated, r.user
	c[17], c[18], c[19], c[20] = comma(r.agent), s.from(), s.server.name, r.status
	c[23] = "POST"
	if r.user != "" {
		c[16], c[21], c[24] = "Smtp~shared@contoso.com", r.status, "Proxy"
		c[25], c[26], c[27] = "ex01.contoso.com", "15.02.1544.004", "IntraForest"
	}
	for i := 32; i <= 64; i++ {
		c[i] = strconv.Itoa(s.rng.IntN(100))
	}
	c[66] = "?Cmd=Sync&User=somebody@contoso.com"
	c[68] = "BeginRequest=" + c[1] + ";CorrelationID=<empty>;"
	c[69] = comma(s.babble(s.length()))
	return strings.Join(c[1:p.columns+1], ",")
}

// comma writes a value as Exchange does: no comma survives, and a value is quoted only if it holds a quote.
func comma(v string) string {
	v = strings.ReplaceAll(v, ",", " ")
	if strings.Contains(v, `"`) {
		v = `"` + strings.ReplaceAll(v, `"`, `""`) + `"`
	}
	return v
}
