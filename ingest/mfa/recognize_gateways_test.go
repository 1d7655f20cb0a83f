package mfa

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/internal/signin"
)

// A head is the beginning of a file, and what it is to be known as.
type head struct {
	text  string
	kind  signin.Kind
	name  string
	named bool
}

func duoHeads() map[string]head {
	return map[string]head{
		"v2, lines":              {duoV2() + "\n" + duoV2() + "\n", signin.Duo, "Duo authentication log v2", false},
		"v2, array":              {"[" + duoV2() + ",\n" + duoV2() + "]", signin.Duo, "Duo authentication log v2", false},
		"v2, array of lines":     {"[\n  " + duoV2() + "\n]", signin.Duo, "Duo authentication log v2", false},
		"v2, cut":                {"[" + duoV2()[:len(duoV2())-2], signin.Duo, "Duo authentication log v2", false},
		"v2, authlogs":           {`{"authlogs":[` + duoV2() + `],"metadata":{}}`, signin.Duo, "Duo authentication log v2", false},
		"v2, answer":             {`{"stat": "OK", "response": {"metadata": {"next_offset": ["1", "a"]}, "authlogs": [` + duoV2() + `,{"cu`, signin.Duo, "Duo authentication log v2", false},
		"v2, empty answer":       {`{"stat":"OK","response":{"authlogs":[],"metadata":{"total_objects":0}}}`, signin.Duo, "Duo authentication log v2", false},
		"v2, empty, then more":   {`{"stat": "OK", "response": {"metadata": {"total_objects": 0}, "authlogs": []}}` + "\n" + `{"stat":"OK","response":{"authlogs":[` + duoV2() + "]}}\n", signin.Duo, "Duo authentication log v2", false},
		"v2, empty response":     {`{"authlogs":[]}` + "\n", signin.Duo, "Duo authentication log v2", false},
		"v1, empty, then more":   {`{"stat":"OK","response":[]}` + "\n" + `{"stat":"OK","response":[` + strings.Replace(duoV1, `"eventtype":"authentication","host":"api-contoso.duosecurity.com",`, "", 1) + "]}\n", signin.Duo, "Duo authentication log v1", false},
		"v1":                     {strings.NewReplacer(`"eventtype":"authentication","host":"api-contoso.duosecurity.com",`, "").Replace(duoV1) + "\n", signin.Duo, "Duo authentication log v1", false},
		"v1, client":             {strings.Replace(duoV1, "api-contoso.duosecurity.com", "api.contoso.com", 1), signin.Duo, "Duo authentication log v1", true},
		"DuoLogSync":             {duoSynced("auth_log") + "\n", signin.Duo, "Duo authentication log, DuoLogSync JSON", true},
		"DuoLogSync, mixed":      {`{"eventtype":"telephony","host":"api-contoso.duosecurity.com"}` + "\n" + duoSynced("auth_log") + "\n", signin.Duo, "Duo authentication log, DuoLogSync JSON", true},
		"DuoLogSync, telephony":  {`{"eventtype":"telephony","host":"api-contoso.duosecurity.com","timestamp":1}` + "\n", signin.Duo, "Duo logs of other sorts, DuoLogSync JSON", true},
		"administrator":          {duoAdminRecord("admin_login", "null", "null") + "\n", signin.DuoAdmin, "Duo administrator log", false},
		"administrator, answer":  {`{"stat":"OK","response":[` + duoAdminRecord("admin_login", "null", "null") + "]}", signin.DuoAdmin, "Duo administrator log", false},
		"administrator and auth": {duoAdminRecord("admin_login", "null", "null") + "\n" + duoV2() + "\n", signin.Duo, "Duo authentication log v2", false},
		"CEF":                    {cefPrefix + duoCEF("OWA", "duo_push", "denied", "anna") + "\n", signin.Duo, "Duo authentication log, DuoLogSync CEF", true},
		"CEF, bare":              {"\xEF\xBB\xBF" + duoCEF("OWA", "duo_push", "denied", "anna"), signin.Duo, "Duo authentication log, DuoLogSync CEF", true},
		"CEF, priority":          {"<134>" + duoCEF("OWA", "duo_push", "denied", "anna"), signin.Duo, "Duo authentication log, DuoLogSync CEF", true},
		"CEF, administrator":     {cefPrefix + "CEF:0|Duo Security|DuoLogSync|2|administrator|admin_login|5|cs1Label=action cs1=admin_login rt=1 suser=x\n", signin.DuoAdmin, "Duo administrator log, DuoLogSync CEF", true},
	}
}

// TestRecognizeGateways knows each file by its content, and by nothing that another log could hold.
func TestRecognizeGateways(t *testing.T) {
	t.Parallel()
	for name, h := range gatewayHeads() {
		f := (&Options{}).Recognize([]byte(h.text))
		if f.Kind != h.kind || f.Name != h.name || f.Named != h.named || f.Decoder == nil || f.Skip != "" {
			t.Errorf("%s: %+v", name, f)
		}
		knowing := 0
		for _, l := range looks() {
			if l(&Options{}, []byte(h.text)).Name != "" {
				knowing++
			}
		}
		if knowing != 1 {
			t.Errorf("%s: known by %d looks", name, knowing)
		}
		if f := exchange.Recognize([]byte(h.text)); f.Decoder != nil || f.Name != "" {
			t.Errorf("%s: taken for a log of Exchange: %+v", name, f)
		}
	}
}

func gatewayLooks() []look { return []look{duoLook, authProxyLook, monosignLook} }

func gatewayHeads() map[string]head {
	all := map[string]head{}
	for _, heads := range []map[string]head{duoHeads(), authProxyHeads(), monosignHeads()} {
		for name, h := range heads {
			all[h.kind.String()+", "+name] = h
		}
	}
	return all
}

// Whoever sends a request chooses its path and its agent: none of them makes another log a gateway's.
func TestRecognizeNothingElse(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty": "", "blank": " \r\n", "prose": "Dear colleagues,\nplease find attached the log.\n", "bracket": "[", "braces": "{}", "array": "[1,2]",
		"other JSON":      `{"eventType":"user.session.start","outcome":{"result":"SUCCESS"},"actor":{"alternateId":"anna@contoso.com"},"published":"2026-10-06T08:00:05.000Z","uuid":"1"}`,
		"other eventtype": `{"eventtype":"authentication","host":"gw.contoso.com","timestamp":1791273605}`,
		"Entra":           `{"records":[{"time":"2026-10-06T08:00:05Z","category":"SignInLogs","properties":{"userPrincipalName":"anna@contoso.com","status":{"errorCode":0},"clientAppUsed":"Browser"}}]}`,
		"UAL":             `{"CreationTime":"2026-10-06T08:00:05","Operation":"UserLoggedIn","RecordType":15,"UserId":"anna@contoso.com","ResultStatus":"Success"}`,
		"text within":     `{"message":"{\"authlogs\": [` + strings.ReplaceAll(duoV2(), `"`, `\"`) + `]}"}`,
		"IIS with CEF":    "2026-10-06 08:00:01 192.0.2.10 GET /owa/ " + duoCEF("OWA", "duo_push", "success", "anna") + " 443 - 198.51.100.3 x - 200 0 0 1\n",
		"HttpProxy, CEF":  "2026-10-06T08:00:01.250Z,1,Owa,/owa/,Basic,true,anna,agent " + duoCEF("OWA", "duo_push", "success", "anna") + ",198.51.100.3\n",
		"empty answer":    `{"stat":"OK","response":[]}`,
		"empty items":     `{"items":[],"metadata":{}}`,
		"authlogs, none":  `{"authlogs":"[]"}`,
		"other CEF":       "CEF:0|Fabrikam|Gateway|1|authentication|authentication|5|outcome=success duser=anna rt=1791273605000\n",
		"csv":             "timestamp,user,factor\n2026-10-06T08:00:00Z,anna,push\n",
	} {
		for _, l := range gatewayLooks() {
			if f := l(&Options{}, []byte(text)); f.Name != "" {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
}

// None of the logs of Exchange that the samples hold is a gateway's.
func TestRecognizeNoneOfTheSamples(t *testing.T) {
	t.Parallel()
	files := 0
	err := filepath.WalkDir(filepath.Join("..", "..", "samples", "contoso"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.Contains(filepath.ToSlash(path), "/EX0") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for i, l := range gatewayLooks() {
			if f := l(&Options{}, text[:min(len(text), 64<<10)]); f.Name != "" {
				t.Errorf("%s, look %d: %+v", path, i, f)
			}
		}
		return nil
	})
	if err != nil || files == 0 {
		t.Errorf("%d files, %v", files, err)
	}
}

func FuzzRecognizeGateways(f *testing.F) {
	for _, h := range gatewayHeads() {
		f.Add([]byte(h.text))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		for _, l := range gatewayLooks() {
			format := l(&Options{}, head)
			if (format.Name == "") != (format.Decoder == nil) || (format.Kind == signin.UnknownKind) != (format.Name == "") || format.Skip != "" {
				t.Fatalf("%+v", format)
			}
		}
	})
}
