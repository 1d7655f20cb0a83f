package main

const easStem = "/Microsoft-Server-ActiveSync/default.eas"

// vdirs are the virtual directories of an Exchange front end.
type vdirs struct {
	autodiscover, mapi, ews, oab, rpc, eas, owa, calendar, ecp, powershell, rest *vdir
}

func newVdirs() *vdirs {
	return &vdirs{
		autodiscover: &vdir{"Autodiscover", "Autodiscover", "/autodiscover", "autodiscover", "/Autodiscover/healthcheck.htm"},
		mapi:         &vdir{"Mapi", "Mapi", "/mapi", "mapi", "/mapi/healthcheck.htm"},
		ews:          &vdir{"Ews", "Ews", "/EWS", "ews", "/EWS/healthcheck.htm"},
		oab:          &vdir{"Oab", "OAB", "/OAB", "oab", "/OAB/healthcheck.htm"},
		rpc:          &vdir{"RpcHttp", "RpcHttp", "/rpc", "rpc", "/rpc/healthcheck.htm"},
		eas:          &vdir{"Eas", "Eas", "/Microsoft-Server-ActiveSync", "activesync", "/Microsoft-Server-ActiveSync/healthcheck.htm"},
		owa:          &vdir{"Owa", "Owa", "/owa", "owa", "/owa/healthcheck.htm"},
		calendar:     &vdir{"OwaCalendar", "Owa", "/owa/calendar", "owa", "/owa/calendar/healthcheck.htm"},
		ecp:          &vdir{"Ecp", "Ecp", "/ecp", "ecp", "/ecp/healthcheck.htm"},
		powershell:   &vdir{"PowerShell", "PowerShell", "/PowerShell", "powershell", "/PowerShell/healthcheck.htm"},
		rest:         &vdir{"Rest", "Rest", "/api", "rest", "/api/healthcheck.htm"},
	}
}

// balanced are the applications that the load balancer asks for their health.
func (v *vdirs) balanced() [8]*vdir {
	return [8]*vdir{v.owa, v.ews, v.eas, v.mapi, v.autodiscover, v.oab, v.ecp, v.rpc}
}

func newServer(name, ip string, b build) *server {
	return &server{
		name: name, fqdn: name + ".contoso.com", ip: ip, build: b,
		local: "fe80::5c21:70ff:fe4e:" + ip[len(ip)-2:] + "%4",
	}
}

// The builds of the story: 2019 CU14, 2016 CU2 and what an upgrade makes of it.
func build2019() build { return build{"15", "2", "1544", "4", "15.02.1544.004", 74} }
func build2016() build { return build{"15", "1", "466", "34", "15.01.0466.034", 69} }
func build2016CU23() build {
	return build{"15", "1", "2507", "35", "15.01.2507.035", 74}
}
