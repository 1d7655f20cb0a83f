package main

// A guid is a request id or the like. It is drawn from the seeded source, never from the machine.
type guid struct{ hi, lo uint64 }

// A client is one User-Agent string in its three spellings: as the client sent it, as IIS logs it
// (spaces become plus signs) and as the HttpProxy log writes it (commas become spaces).
type client struct{ sent, iis, proxy string }

// A vdir is a virtual directory of the front end: one HttpProxy folder and one value of its Protocol column.
type vdir struct {
	name   string // value of the HttpProxy column Protocol
	folder string // folder below HttpProxy, which is not always the same word
	path   string // first segment of the URL
	word   string // the protocol in the words of the truth table
	health string // the page a load balancer asks for
}

// A server is one Exchange server and how it writes its logs.
type server struct {
	name  string // short host name, as in s-computername and ServerHostName
	fqdn  string
	ip    string
	local string // link-local address with zone, as its back end sees its front end
	build build
}

// A build is an Exchange build number in the parts the HttpProxy log spells out.
type build struct {
	major, minor, build, revision string
	dotted                        string // as in TargetServerVersion
	columns                       int    // columns of its HttpProxy log
}

// A suffix says which words Exchange or IIS adds after the query the client sent.
type suffix uint8

const (
	suffixNone     suffix = iota // not an Exchange front-end application
	suffixCafe                   // &CorrelationID=<empty>;&cafeReqId=…;
	suffixEncoding               // the same and &encoding=;
	suffixBackend                // &reqId=…
)

// A request is one HTTP request as it happened. Each log tells a part of it; the renderers choose which.
type request struct {
	end   int64 // when it was over, milliseconds since 1970 in UTC
	taken int64 // how long it took, milliseconds
	id    guid  // HttpProxy RequestId, IIS cafeReqId
	noise uint64

	server *server
	vdir   *vdir
	port   string
	method string
	host   string
	stem   string
	query  string // what the client sent after the question mark
	suffix suffix
	cookie string // the ClientId that Exchange appends to the query, if any
	action string // ProtocolAction
	ticket string // ClientRequestId

	label         string // AuthenticationType
	authenticated bool
	account       string // AuthenticatedUser
	name          string // cs-username; empty is a lone hyphen
	scheme        string // AUTH_TYPE, where a site logs it
	secret        string // Authorization, where a careless site logs it
	organization  string
	anchor        string

	agent   *client
	referer string
	ip      string // the address at the other end of the socket
	forward string // X-Forwarded-For as it arrived, empty when there is none

	status, substatus int
	win32             uint32
	backend           int // BackEndStatus; 0 is empty: never proxied
	errorCode         string
	in, out           int64
	info              string // more GenericInfo, already spelled
	routeCookie       string // BackEndCookie
	errors            string // GenericErrors

	unseenByProxy bool // the HttpProxy log never tells of it, although it is being written
}
