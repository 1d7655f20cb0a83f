package exchange

import (
	"fmt"
	"strings"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

func iisFormat(given []byte) ingest.Format {
	return ingest.Format{Kind: signin.IIS, Name: "IIS W3C log",
		Decoder: func() ingest.Decoder { return newIIS(given) }}
}

func proxyFormat(given []byte) ingest.Format {
	return ingest.Format{Kind: signin.HTTPProxy, Name: "HttpProxy log", Named: true,
		Decoder: func() ingest.Decoder { return newHTTPProxy(given) }}
}

func mailboxFormat(kind signin.Kind, given []byte) ingest.Format {
	name := "IMAP4 log"
	if kind == signin.POPLog {
		name = "POP3 log"
	}
	// POP3 names the account in one command and the password in the next, IMAP4 may.
	return ingest.Format{Kind: kind, Name: name, Sessions: true,
		Decoder: func() ingest.Decoder { return newMailbox(kind, given) }}
}

func smtpFormat(given []byte) ingest.Format {
	return ingest.Format{Kind: signin.SMTPLog, Name: "SMTP receive log", Sessions: true, Named: true,
		Decoder: func() ingest.Decoder { return newSMTP(given) }}
}

// ByName returns the Format of kind for lines that carry no header, such as single lines that a person wants
// explained. fields is their header: column names with blanks between them for IIS, with commas for the others, with or
// without "#Fields: " before it; "" means [DefaultFields]. The header stays in force until a line brings another, and is
// in force again after Reset(nil).
//
// It fails for a kind that this package does not decode and for fields under which no line could be read.
func ByName(kind signin.Kind, fields string) (ingest.Format, error) {
	fields = strings.TrimSpace(fields)
	if rest, ok := cutFold([]byte(fields), "#fields:"); ok {
		fields = string(rest)
	}
	if fields == "" {
		fields = DefaultFields(kind)
	}
	if kind == signin.IIS && !strings.Contains(fields, " ") {
		fields = strings.ReplaceAll(fields, ",", " ")
	}
	given := []byte(fields)
	f, l := ingest.Format{}, (*layout)(nil)
	switch kind {
	case signin.IIS:
		d := newIIS(given)
		f, l = iisFormat(given), d.layout
		f.Named, f.Sessions = l.named(iisComputer), !l.named(iisDate)
	case signin.HTTPProxy:
		f, l = proxyFormat(given), newHTTPProxy(given).layout
		f.Named = l.named(proxyServer)
	case signin.IMAPLog, signin.POPLog:
		f, l = mailboxFormat(kind, given), newMailbox(kind, given).layout
	case signin.SMTPLog:
		f, l = smtpFormat(given), newSMTP(given).layout
	default:
		return f, fmt.Errorf("%v is not a log of Exchange or IIS: iis, httpproxy, imap, pop and smtp are", kind)
	}
	if l.wrong != "" {
		return ingest.Format{}, fmt.Errorf("fields of a log of kind %v: %s", kind, l.wrong)
	}
	return f, nil
}

// DefaultFields returns the columns that logs of kind usually have, as ByName takes them: those of Exchange 2016 CU16
// and later, and those that IIS writes unless it is told otherwise. It returns "" for a kind that is not decoded here.
func DefaultFields(kind signin.Kind) string {
	switch kind {
	case signin.IIS:
		return "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) " +
			"sc-status sc-substatus sc-win32-status time-taken"
	case signin.HTTPProxy:
		return "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,ClientRequestId,Protocol,UrlHost,UrlStem," +
			"ProtocolAction,AuthenticationType,IsAuthenticated,AuthenticatedUser,Organization,AnchorMailbox,UserAgent,ClientIpAddress," +
			"ServerHostName,HttpStatus,BackEndStatus,ErrorCode,Method,ProxyAction,TargetServer,TargetServerVersion,RoutingType,RoutingHint," +
			"BackEndCookie,ServerLocatorHost,ServerLocatorLatency,RequestBytes,ResponseBytes,TargetOutstandingRequests," +
			"AuthModulePerfContext,HttpPipelineLatency,CalculateTargetBackEndLatency,GlsLatencyBreakup,TotalGlsLatency," +
			"AccountForestLatencyBreakup,TotalAccountForestLatency,ResourceForestLatencyBreakup,TotalResourceForestLatency,ADLatency," +
			"SharedCacheLatencyBreakup,TotalSharedCacheLatency,ActivityContextLifeTime,ModuleToHandlerSwitchingLatency," +
			"ClientReqStreamLatency,BackendReqInitLatency,BackendReqStreamLatency,BackendProcessingLatency,BackendRespInitLatency," +
			"BackendRespStreamLatency,ClientRespStreamLatency,KerberosAuthHeaderLatency,HandlerCompletionLatency,RequestHandlerLatency," +
			"HandlerToModuleSwitchingLatency,ProxyTime,CoreLatency,RoutingLatency,HttpProxyOverhead,TotalRequestTime," +
			"RouteRefresherLatency,UrlQuery,BackEndGenericInfo,GenericInfo,GenericErrors,EdgeTraceId,DatabaseGuid,UserADObjectGuid," +
			"PartitionEndpointLookupLatency,RoutingStatus"
	case signin.IMAPLog, signin.POPLog:
		return "dateTime,sessionId,seqNumber,sIp,cIp,user,duration,rqsize,rpsize,command,parameters,context,puid"
	case signin.SMTPLog:
		return "date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context"
	}
	return ""
}
