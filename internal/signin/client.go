package signin

import (
	"strconv"
	"strings"
)

// A Client is a program that signs in, told by its User-Agent.
type Client struct {
	Agent   string // as logged, with blanks for IIS's +; of a long one the first 2 KiB
	Family  string // a name of the table of families; a small set, whatever agents say
	Index   uint8  // of the family, for keys: equal families have equal indices
	Version string // as the agent writes it; "" if it does not
	Modern  Modern
	Probe   bool // a health check: noise where nobody authenticated
}

// A family is a row of the one table of clients: how to tell it, and what it can do.
type family struct {
	name   string
	modern Modern
	probe  bool
	prefix []string // the agent begins so
	within []string // or holds this anywhere
	judge  func(version string) Modern
}

// Names of families that have no agent to be told by.
const (
	noAgent    = "none" // HTTP without a User-Agent
	otherAgent = "other"
)

// families lists the clients; the first row that fits wins, so the narrow rows come first. All
// text is lower case. Modern is what the client can do against Exchange on premises with hybrid
// modern authentication or AD FS, or against Exchange Online; a row whose capability depends on a
// setting or on the program's own code stays unknown.
// Sources: agents seen in public samples of Exchange and IIS logs; the capabilities from Microsoft's
// "Disable legacy authentication in Exchange Server hybrid" and "How modern authentication works".
func families() []family {
	return []family{
		{name: "probe", probe: true, prefix: []string{"amprobe", "mapihttpclient", "exchangeinternalewsclient", "exchangewebservicesproxy", "testactivesyncconnectivity", "msexchangehm", "healthmanager", "loadbalancer-healthcheck"},
			within: []string{"_am_probe", "activemonitoring", "msexchangemonitoring", "rpcclientaccess.monitoring", "clientapplication=activemonitor", "elb-healthchecker", "kube-probe", "haproxy", "big-ip"}},
		{name: "skype-for-business-mapi", within: []string{"ucmapi"}},
		{name: "outlook-2007", modern: ModernNo, within: []string{"microsoft outlook 12."}, prefix: []string{"microsoft office/12."}},
		{name: "outlook-2010", modern: ModernNo, within: []string{"microsoft outlook 14."}, prefix: []string{"microsoft office/14."}},
		// Outlook 2013 can, once EnableADAL is set in its registry: the log does not say.
		{name: "outlook-2013", within: []string{"microsoft outlook 15."}, prefix: []string{"microsoft office/15."}},
		{name: "outlook", modern: ModernYes, within: []string{"microsoft outlook 16."}, prefix: []string{"microsoft office/16."}},
		{name: "outlook-anywhere", modern: ModernNo, prefix: []string{"msrpc"}},
		{name: "outlook-mac-2011", modern: ModernNo, prefix: []string{"macoutlook/14."}},
		{name: "outlook-mac", modern: ModernYes, prefix: []string{"macoutlook/"}},
		{name: "outlook-new", prefix: []string{"microsoft.outlook.", "outlook-windows/"}},
		{name: "outlook-mobile", modern: ModernYes, prefix: []string{"outlook-ios-android/", "outlook-ios/", "outlook-android/"}},
		{name: "ios-mail", prefix: []string{"apple-iphone", "apple-ipad", "apple-ipod"}, judge: iosModern},
		{name: "macos-mail", prefix: []string{"appleexchangewebservices/", "mac os x/", "macos/", "mac_os_x/"}, within: []string{"calendaragent", "exchangesync"}},
		{name: "android-legacy", modern: ModernNo, prefix: []string{"ksandroid", "samsung-"}},
		{name: "android", prefix: []string{"android/", "android-"}},
		{name: "nine", prefix: []string{"nine/", "nine-"}},
		{name: "touchdown", prefix: []string{"touchdown"}},
		{name: "windows-phone", prefix: []string{"msft-wp/", "msft-ppc/"}},
		{name: "windows-mail", prefix: []string{"msft-win-"}, within: []string{"microsoft.windowscommunicationsapps"}},
		{name: "skype-for-business", modern: ModernYes, prefix: []string{"oc/16."}},
		{name: "lync", modern: ModernNo, prefix: []string{"oc/15", "oc/4"}},
		{name: "pidgin-sipe", modern: ModernNo, prefix: []string{"sipe/"}},
		{name: "exchange", prefix: []string{"asproxy/", "asautodiscover/", "testorganizationrelationship", "exchange/15.", "mrs", "exchangemrs"}},
		{name: "ews-application", prefix: []string{"exchangeservicesclient/"}, within: []string{"ews managed api"}},
		{name: "thunderbird", within: []string{"thunderbird", "exquilla", "owl for exchange"}},
		{name: "evolution", prefix: []string{"evolution"}},
		{name: "davmail", within: []string{"davmail"}},
		{name: "em-client", within: []string{"em client", "emclient"}},
		{name: "mailbird", within: []string{"mailbird"}},
		{name: "powershell", prefix: []string{"microsoft winrm client"}, within: []string{"windowspowershell"}},
		{name: "script", prefix: []string{"python", "exchangelib", "java/", "apache-httpclient", "php", "go-http-client", "curl/", "wget/", "okhttp", "libwww-perl", "ruby", "node", "axios", "powershell/"}, within: []string{"python-requests"}},
		{name: "bits", prefix: []string{"microsoft bits/"}},
		{name: "browser", prefix: []string{"mozilla/", "opera/"}},
	}
}

// Indices of the families that the table does not hold.
const (
	noAgentIndex = 255 - iota
	otherIndex
	imapIndex
	popIndex
	smtpIndex
)

// FamilyName returns the name of the family with that Client.Index.
func FamilyName(index uint8) string {
	switch index {
	case noAgentIndex:
		return noAgent
	case otherIndex:
		return otherAgent
	case imapIndex:
		return "imap-client"
	case popIndex:
		return "pop-client"
	case smtpIndex:
		return "smtp-client"
	}
	if table := families(); int(index) < len(table) {
		return table[index].name
	}
	return otherAgent
}

// protocolClient stands for the client where the log has no agent at all.
func protocolClient(k Kind) *Client {
	index := uint8(noAgentIndex)
	switch k {
	case IMAPLog:
		index = imapIndex
	case POPLog:
		index = popIndex
	case SMTPLog:
		index = smtpIndex
	}
	return &Client{Family: FamilyName(index), Index: index}
}

// parseClient reads a User-Agent. blanks says that the log writes a + for a blank (IIS).
func parseClient(raw []byte, blanks bool, table []family) *Client {
	c := &Client{Agent: agent(raw[:min(len(raw), maxAgent)], blanks)}
	if c.Agent == "" || c.Agent == "-" {
		return protocolClient(UnknownKind)
	}
	low := strings.ToLower(c.Agent)
	for i := range table {
		f := &table[i]
		if !f.fits(low) {
			continue
		}
		c.Family, c.Index, c.Modern, c.Probe = f.name, uint8(i), f.modern, f.probe
		c.Version = version(c.Agent, low)
		if f.judge != nil {
			c.Modern = f.judge(c.Version)
		}
		return c
	}
	c.Family, c.Index, c.Version = otherAgent, otherIndex, version(c.Agent, low)
	return c
}

// maxAgent is how much of an agent is remembered and judged, in bytes: clients send a few hundred.
const maxAgent = 2 << 10

func agent(raw []byte, blanks bool) string {
	text := strings.ToValidUTF8(string(raw), "\uFFFD")
	if blanks {
		text = strings.ReplaceAll(text, "+", " ")
	}
	return text
}

// AgentOf is the whole agent of a line, as the client sent it.
func AgentOf(f *Facts) string { return agent(f.Agent, f.Kind == IIS) }

func (f *family) fits(low string) bool {
	for _, p := range f.prefix {
		if strings.HasPrefix(low, p) {
			return true
		}
	}
	for _, w := range f.within {
		if strings.Contains(low, w) {
			return true
		}
	}
	return false
}

// version is Outlook's build where the agent names one, else what follows the first slash, up to
// the next blank, bracket or semicolon.
func version(agent, low string) string {
	v := ""
	if i := strings.Index(low, "microsoft outlook "); i >= 0 {
		v = agent[i+len("microsoft outlook "):]
	} else if i := strings.Index(low, "ucmapi "); i >= 0 {
		v = agent[i+len("ucmapi "):]
	} else if i := strings.IndexByte(agent, '/'); i >= 0 {
		v = agent[i+1:]
	}
	if i := strings.IndexAny(v, " ;()"); i >= 0 {
		v = v[:i]
	}
	return v[:min(len(v), 64)]
}

// iosModern reads the build that Apple's ActiveSync agent carries: MMLL.NNN, the major build, the
// letter's place in the alphabet, and the number. iOS 11.3.1, build 15E302, was the first whose
// Mail can do modern authentication, according to Microsoft's list of clients.
func iosModern(version string) Modern {
	build, number, ok := strings.Cut(version, ".")
	number, _, _ = strings.Cut(number, ".")
	b, err1 := strconv.Atoi(build)
	n, err2 := strconv.Atoi(number)
	switch {
	case !ok || err1 != nil || err2 != nil:
		return ModernUnknown
	case b > 1505 || b == 1505 && n >= 302:
		return ModernYes
	}
	return ModernNo
}
