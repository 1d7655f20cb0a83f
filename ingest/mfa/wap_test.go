package mfa_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest/mfa"
)

const wapCSV = "#TYPE Microsoft.Management.Infrastructure.CimInstance\r\n" +
	`"ADFSRelyingPartyID","ADFSRelyingPartyName","BackendServerUrl","ExternalPreauthentication","ExternalUrl","ID","Name","PSComputerName"` + "\r\n" +
	`"1","OWA","https://mail.contoso.com/owa/","ADFS","https://mail.contoso.com/owa/","a","Outlook on the web",` + "\r\n" +
	`,,"https://mail.contoso.com/","PassThrough","https://mail.contoso.com/","b","Everything, ""else""",` + "\r\n"

const wapJSON = `[{"Name":"Outlook on the web","ExternalUrl":"https://mail.contoso.com/owa/","BackendServerUrl":"https://mail.contoso.com/owa/","ExternalPreauthentication":"ADFS","ADFSRelyingPartyName":"OWA"},` +
	`{"Name":"Everything, \"else\"","ExternalUrl":"https://mail.contoso.com/","BackendServerUrl":"https://mail.contoso.com/","ExternalPreauthentication":{"value":"PassThrough","Value":0},"ADFSRelyingPartyName":null}]`

func TestPublishedApplications(t *testing.T) {
	t.Parallel()
	want := []mfa.PublishedApplication{
		{Name: "Outlook on the web", ExternalURL: "https://mail.contoso.com/owa/", BackendURL: "https://mail.contoso.com/owa/", Preauthentication: "ADFS", RelyingParty: "OWA"},
		{Name: `Everything, "else"`, ExternalURL: "https://mail.contoso.com/", BackendURL: "https://mail.contoso.com/", Preauthentication: "PassThrough"},
	}
	semicolons := strings.ReplaceAll(strings.Replace(wapCSV, "Everything, ", "Everything; ", 1), `,`, `;`)
	for name, text := range map[string]string{"CSV": wapCSV, "CSV with a mark": "\uFEFF" + wapCSV, "semicolons": semicolons, "JSON": strings.Replace(wapJSON, `,"Value":0`, "", 1)} {
		got, err := mfa.PublishedApplications([]byte(text))
		if name == "semicolons" && len(got) == 2 {
			got[1].Name = want[1].Name
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		if got[0].PassThrough() || !got[1].PassThrough() {
			t.Errorf("%s: which of them pass AD FS by: %+v", name, got)
		}
	}
	one, _, _ := strings.Cut(strings.TrimPrefix(wapJSON, "["), ",{")
	if got, err := mfa.PublishedApplications([]byte(one)); err != nil || len(got) != 1 {
		t.Errorf("one application alone: %+v, %v", got, err)
	}
	for name, text := range map[string]string{
		"empty": "", "no JSON": "{", "a row that is cut": wapCSV + `"1",`, "no preauthentication": "Name,ExternalUrl\nx,https://x/\n",
		"no URL": "Name,ExternalUrl,ExternalPreauthentication\nx,,PassThrough\n", "JSON without": `[{"Name":"x"}]`,
	} {
		if got, err := mfa.PublishedApplications([]byte(text)); err == nil || !strings.Contains(err.Error(), "published applications") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestPreauthentication(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string][2]bool{
		"ADFS": {false, true}, "adfs": {false, true}, "ADFSforRichClients": {false, true}, "ADFSforOAuth": {false, true}, "PassThrough": {true, false}, "passthrough": {true, false}, "ClientCertificate": {}, "AD": {},
	} {
		a := mfa.PublishedApplication{Preauthentication: mode}
		if a.PassThrough() != want[0] || a.ByADFS() != want[1] {
			t.Errorf("%s: %v, %v", mode, a.PassThrough(), a.ByADFS())
		}
	}
}

func FuzzPublishedApplications(f *testing.F) {
	f.Add([]byte(wapCSV))
	f.Add([]byte(wapJSON))
	f.Fuzz(func(t *testing.T, export []byte) {
		got, err := mfa.PublishedApplications(export)
		for _, a := range got {
			if err != nil || a.ExternalURL == "" || a.Preauthentication == "" {
				t.Fatalf("%+v, %v", a, err)
			}
		}
	})
}
