package exchange_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
)

// resumable is what a decoder with sessions has besides.
type resumable interface {
	ingest.Decoder
	Sessions() []byte
	Restore([]byte) error
}

// TestResumeAnywhere cuts logs with sessions behind every line, and goes on with a new decoder.
func TestResumeAnywhere(t *testing.T) {
	t.Parallel()
	logs := map[string]string{
		"pop": "#Fields: dateTime,sessionId,seqNumber,sIp,cIp,user,duration,rqsize,rpsize,command,parameters,context\n" +
			"2026-10-06T08:00:00.000Z,S1,1,10.20.1.11:110,192.0.2.7:50001,,0,5,5,user,anna.berg,R=ok\n" +
			"2026-10-06T08:00:00.100Z,S2,1,10.20.1.11:110,192.0.2.8:50002,,0,5,5,user,per,R=ok\n" +
			"2026-10-06T08:00:01.000Z,S1,2,10.20.1.11:110,192.0.2.7:50001,,0,5,5,pass,*****,\"R=\"\"-ERR Logon failure: unknown user name or bad password.\"\"\"\n" +
			"2026-10-06T08:00:02.000Z,S2,2,10.20.1.11:110,192.0.2.8:50002,per,0,5,5,pass,*****,R=ok\n",
		"iis": "#Software: Microsoft Internet Information Services 10.0\n#Date: 2026-10-06 23:58:00\n" +
			"#Fields: time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken\n" +
			"23:59:58 10.20.1.11 POST /EWS/Exchange.asmx - 443 CONTOSO\\anna 192.0.2.7 ews/1 200 0 0 5\n" +
			"00:00:02 10.20.1.11 POST /EWS/Exchange.asmx - 443 CONTOSO\\anna 192.0.2.7 ews/1 200 0 0 5\n" +
			"00:00:03 10.20.1.11 POST /EWS/Exchange.asmx - 443 CONTOSO\\per 192.0.2.7 ews/1 200 0 0 5\n",
	}
	for name, text := range logs {
		format := exchange.Recognize([]byte(text))
		if format.Decoder == nil {
			t.Fatalf("%s: not recognized: %s", name, format.Skip)
		}
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		want := readWith(t, format.Decoder(), lines)
		for cut := range lines {
			d := format.Decoder().(resumable)
			got := readWith(t, d, lines[:cut])
			next := format.Decoder().(resumable)
			next.Reset(append([]byte(nil), d.Header()...))
			if saved := d.Sessions(); saved != nil {
				if err := next.Restore(append([]byte(nil), saved...)); err != nil {
					t.Fatal(err)
				}
			}
			got = append(got, readWith(t, next, lines[cut:])...)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s cut before line %d:\n%v\nwant\n%v", name, cut+1, got, want)
			}
		}
		if d := format.Decoder().(resumable); d.Restore([]byte("nonsense")) == nil {
			t.Errorf("%s: a broken checkpoint was taken", name)
		}
	}
}

func readWith(t *testing.T, d ingest.Decoder, lines []string) (all []string) {
	t.Helper()
	for _, x := range read(t, d, lines...) {
		key := ""
		if x.sign.Account != nil {
			key = x.sign.Account.Key
		}
		all = append(all, fmt.Sprintf("%v %+v %v %s", x.decoded, x.fact, x.sign.Verdict, key))
	}
	return all
}
