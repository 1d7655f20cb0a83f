package signin_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/outmode/outmode/internal/signin"
)

// The words are the contract of all JSON, rules, columns and labels.
func TestWordsAreTheContract(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]string{
		"protocol":  "other autodiscover mapi ews oab rpc activesync owa ecp powershell rest outlookservice reporting imap pop smtp browser app",
		"auth":      "unknown basic digest ntlm kerberos negotiate forms oauth adfs certificate wssecurity anonymous",
		"mechanism": " login plain ropc device_code",
		"outcome":   "unknown success failure challenge blocked",
		"evidence":  "claimed inferred proven",
		"traffic":   "user service probe server system",
		"modern":    "unknown yes no",
		"mfa":       "unknown passed remembered bypassed fail_open denied missing not_covered not_required",
		"severity":  "info low medium high critical",
		"kind":      "unknown iis httpproxy imap pop smtp duo duo_authproxy duo_admin monosign adfs entra ual wap nps okta mapped",
		"column":    "hour day server dataset user protocol auth mechanism outcome evidence traffic client internal backend",
	} {
		if got := strings.Join(signin.Words(field), " "); got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
	if signin.Words("user") != nil {
		t.Error("user is not enumerated")
	}
}

func TestNoNameIsMissingAndNonePanics(t *testing.T) {
	t.Parallel()
	for p := signin.OtherProtocol; p <= signin.App; p++ {
		if got, ok := signin.ParseProtocol(p.String()); !ok || got != p {
			t.Errorf("protocol %d: %q reads back as %v, %v", p, p, got, ok)
		}
	}
	for _, s := range []string{signin.Protocol(99).String(), signin.Auth(99).String(), signin.Outcome(99).String(), signin.Evidence(99).String(),
		signin.Traffic(99).String(), signin.Kind(99).String(), signin.Severity(99).String(), signin.Modern(99).String(), signin.MFA(99).String(),
		signin.Mechanism(99).String(), signin.Verdict(99).String()} {
		if !strings.Contains(s, "(99)") {
			t.Errorf("a value without a name prints %q", s)
		}
	}
	if _, ok := signin.ParseProtocol("ewss"); ok {
		t.Error("ewss is no protocol")
	}
	if got := signin.HTTPProxy.Dataset(); got != "outmode.httpproxy" {
		t.Errorf("dataset %q", got)
	}
}

// Legacy depends on the dialect of the policy: the two lists of switches differ.
func TestLegacyDialects(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		p           signin.Protocol
		a           signin.Auth
		exo, onPrem bool
	}{
		{signin.EWS, signin.Basic, true, true},
		{signin.EWS, signin.NTLM, false, true},
		{signin.EWS, signin.Negotiate, false, true},
		{signin.MAPI, signin.Kerberos, false, true},
		{signin.MAPI, signin.Digest, false, true},
		{signin.EWS, signin.OAuth, false, false},
		{signin.SMTP, signin.Basic, true, false},
		{signin.PowerShell, signin.Basic, true, false},
		{signin.Reporting, signin.Basic, true, false},
		{signin.OutlookService, signin.Basic, true, false},
		{signin.OWA, signin.Basic, false, false},
		{signin.ECP, signin.Basic, false, false},
		{signin.REST, signin.Basic, false, false},
		{signin.OWA, signin.Forms, false, false},
		{signin.IMAP, signin.Basic, true, true},
		{signin.POP, signin.NTLM, false, true},
		{signin.EWS, signin.UnknownAuth, false, false},
	} {
		if got := signin.LegacyEXO(c.p, c.a); got != c.exo {
			t.Errorf("LegacyEXO(%v, %v) = %v", c.p, c.a, got)
		}
		if signin.LegacyOnPrem(signin.Entra, c.p, c.a) {
			t.Errorf("LegacyOnPrem of Entra, %v, %v", c.p, c.a)
		}
		if got := signin.LegacyOnPrem(signin.HTTPProxy, c.p, c.a); got != c.onPrem {
			t.Errorf("LegacyOnPrem(%v, %v) = %v", c.p, c.a, got)
		}
	}
}

// Each kind of log is of an Exchange server, or of a gateway; only identity providers tell of Exchange Online.
func TestKindsOfLogs(t *testing.T) {
	t.Parallel()
	var servers, gateways, factors, clouds []string
	for k := signin.IIS; k <= signin.Mapped; k++ {
		if !k.Gateway() {
			servers = append(servers, k.String())
		} else {
			gateways = append(gateways, k.String())
		}
		if k.Factors() {
			factors = append(factors, k.String())
		}
		if k.Cloud() {
			clouds = append(clouds, k.String())
		}
	}
	const want = "[iis httpproxy imap pop smtp] [duo duo_authproxy duo_admin monosign adfs entra ual wap nps okta mapped] [duo duo_authproxy monosign adfs entra ual wap nps okta mapped] [adfs entra ual]"
	if got := fmt.Sprint(servers, gateways, factors, clouds); got != want || signin.UnknownKind.Gateway() {
		t.Errorf("%s, want %s", got, want)
	}
}
