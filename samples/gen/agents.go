package main

import "strings"

// newClient spells a User-Agent string the three ways it can be met in a log.
func newClient(sent string) *client {
	return &client{sent: sent, iis: strings.ReplaceAll(sent, " ", "+"), proxy: strings.ReplaceAll(sent, ",", " ")}
}

func newClients(sent ...string) []*client {
	list := make([]*client, len(sent))
	for i, s := range sent {
		list[i] = newClient(s)
	}
	return list
}

// An arsenal is the client software of an organisation, by what it is used for.
type arsenal struct {
	outlook, phones, legacyPhones, ews, scripts, browsers, macs, skype, exchange []*client

	msrpc, outlookMobile, healthcheck, amProbe, ewsProbe, mapiProbe, winRM, none *client
}

// newArsenal is the table of User-Agent strings, written from the formats that vendors use.
func newArsenal() *arsenal {
	return &arsenal{
		outlook:       newClients(outlookAgents()...),
		phones:        newClients(phoneAgents()...),
		legacyPhones:  newClients(legacyPhoneAgents()...),
		ews:           newClients(applicationAgents()...),
		scripts:       newClients(scriptAgents()...),
		browsers:      newClients(browserAgents()...),
		macs:          newClients(macAgents()...),
		skype:         newClients(skypeAgents()...),
		exchange:      newClients(exchangeAgents()...),
		msrpc:         newClient("MSRPC"),
		outlookMobile: newClient("Outlook-iOS-Android/1.0"),
		healthcheck:   newClient("LoadBalancer-HealthCheck"),
		amProbe:       newClient("AMProbe/Local/ClientAccess"),
		ewsProbe:      newClient("Ews_AM_Probe/Local (ExchangeServicesClient/15.02.1544.004)"),
		mapiProbe:     newClient("MapiHttpClient"),
		winRM:         newClient("Microsoft WinRM Client"),
		none:          newClient(""),
	}
}

func outlookAgents() []string {
	return []string{
		"Microsoft Office/14.0 (Windows NT 6.1; Microsoft Outlook 14.0.7268; Pro)",
		"Microsoft Office/15.0 (Windows NT 6.3; Microsoft Outlook 15.0.5589; Pro)",
		"Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.4639; Pro)",
		"Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.5504; Pro)",
		"Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.10417; Pro)",
		"Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.14332; Pro)",
		"Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.16130; Pro)",
		"Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17328; Pro)",
		"Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17928; Pro)",
		"Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.18129; Pro)",
		"Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.18526; Pro)",
		"Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.19127; Pro)",
	}
}

func phoneAgents() []string {
	return []string{
		"Apple-iPhone12C1/1805.212", "Apple-iPhone13C2/1906.72", "Apple-iPhone14C5/2011.81", "Apple-iPhone15C2/2101.340",
		"Apple-iPhone15C4/2107.102", "Apple-iPhone16C1/2203.111", "Apple-iPhone17C3/2302.55", "Apple-iPad13C1/2104.219",
		"Android-Mail/2024.08.18.671201394.Release", "Android-Mail/2026.03.02.880120331.Release", "Nine/5.2.1 (Android 14)",
		"Android-SAMSUNG-SM-S918B/101.14", "Android-SAMSUNG-SM-A546B/101.15", "microsoft.windowscommunicationsapps",
	}
}

func legacyPhoneAgents() []string {
	return []string{
		"Apple-iPhone6C2/1304.15", "Apple-iPhone8C1/1402.100", "Apple-iPad4C1/1208.321", "Android/8.0.0-EAS-2.0",
		"KSAndroid/6.0.1-EAS-1.3", "Android-SAMSUNG-SM-A515F/101.10", "SAMSUNG-SM-G7102/101.40402", "TouchDown(MSRPC)/8.1.00088",
		"MSFT-WP/10.0.15254", "MSFT-WIN-4/10.0.19041",
	}
}

func applicationAgents() []string {
	return []string{
		"ExchangeServicesClient/15.00.0913.015", "ExchangeServicesClient/0.0.0.0", "ERP-Connector/2.1 (EWS Managed API 2.2)",
		"RoomPanel/4.7 (ExchangeServicesClient/15.01.2106.013)", "Java/17.0.9", "PHP-SOAP-CURL",
	}
}

func scriptAgents() []string {
	return []string{
		"python-requests/2.31.0", "exchangelib/5.4.0 (python-requests/2.31.0)", "Python/3.11 aiohttp/3.9.1",
		"Apache-HttpClient/4.5.14 (Java/11.0.21)", "Go-http-client/1.1", "curl/8.5.0", "Mozilla/5.0 zgrab/0.x",
		"Evolution/3.50.3", "Thunderbird/115.8.0 (ExQuilla 115.0.1)", "DavMail Gateway 6.2.1", "eM Client/9.2.2093.0", "Mailbird/3.0.18",
	}
}

func browserAgents() []string {
	return []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36 Edg/139.0.0.0",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Safari/605.1.15",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
	}
}

func macAgents() []string {
	return []string{
		"MacOutlook/16.89.24090815 (Intelx64 Mac OS X Version 14.6.1 (Build 23G93))", "MacOutlook/15.41.0.171205 (Intelx64 Mac OS X 10.13.6)",
		"MacOutlook/14.7.7.170905 (Intel Mac OS X 10.9.5)", "AppleExchangeWebServices/823.40.1 accountsd/113",
		"Mac OS X/10.15.7 (19H2026) CalendarAgent/930.5.1", "Mac OS X/10.13.6 (17G14042) ExchangeSync/120",
	}
}

func skypeAgents() []string {
	return []string{
		"OC/16.0.5443.1000 (Skype for Business)", "OC/15.0.5589.1001 (Microsoft Lync)", "OC/4.0.7577.4540 (Microsoft Lync 2010)",
		"Microsoft Office/16.0 (Windows NT 10.0; ucmapi 16.0.5443; Pro)",
	}
}

func exchangeAgents() []string {
	return []string{
		"ASProxy/CrossForest/EmailDomain/EXCH/15.01.2507.035", "ASProxy/CrossSite/EXCH/15.02.1544.004", "ASAutoDiscover/CrossForest/EmailDomain/15.02.1544.004",
		"TestOrganizationRelationship/1.1", "Exchange/15.20.9182.15/MRS", "Exchange/15.20.9182.15",
	}
}
