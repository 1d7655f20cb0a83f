//go:build linux

package ingest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outmode/outmode/internal/store/sqlite"
)

// talks are logs in which the lines of a logon belong together, the sessions interleaved.
func talks() map[string]string {
	smtp := "#Software: Microsoft Exchange Server\r\n#Version: 15.0.0.0\r\n#Log-type: SMTP Receive Protocol Log\r\n" +
		"#Fields: date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context\r\n"
	say := func(n int, session, what string) string {
		return fmt.Sprintf("2026-10-06T16:00:%02d.115Z,EX01\\Default Frontend EX01,08DD00000000000%s,%d,192.0.2.10:25,203.0.113.3%s:56026,%s\r\n", n, session, n, session, what)
	}
	for i, l := range [][2]string{
		{"1", "+,,"}, {"1", "<,AUTH LOGIN,"}, {"2", "<,AUTH LOGIN,"}, {"1", ">,334 <authentication response>,"}, {"1", "*,,Inbound AUTH LOGIN failed because of LogonDenied"},
		{"3", "<,AUTH LOGIN,"}, {"2", "*,,User Name: ben@contoso.com"}, {"1", "*,,User Name: irma@contoso.com"}, {"2", "*,,Inbound AUTH LOGIN failed because of LogonDenied"},
		{"1", ">,535 5.7.3 Authentication unsuccessful,"}, {"3", "*,,Proxy session was successfully set up. Session for carla@contoso.com will now be proxied"}, {"1", "-,,Remote"},
		{"3", ">,235 2.7.0 Authentication successful,"}, {"2", ">,535 5.7.3 Authentication unsuccessful,"}, {"3", "-,,Local"},
	} {
		smtp += say(i, l[0], l[1])
	}
	pop := "#Software: Microsoft Exchange Server\r\n#Log-type: POP3 Log\r\n#Fields: dateTime,sessionId,seqNumber,sIp,cIp,user,duration,rqsize,rpsize,command,parameters,context\r\n"
	refused := `"R=""-ERR Logon failure: unknown user name or bad password."""`
	for i, l := range [][4]string{
		{"1", "", "user,anna.berg", "R=ok"}, {"2", "", "user,per", "R=ok"}, {"3", "", "user,olga", "R=ok"}, {"1", "", "pass,*****", refused}, {"1", "", "user,anna", "R=ok"},
		{"2", "per", "pass,*****", "R=ok"}, {"3", "", "quit,", "R=ok"}, {"1", "", "pass,*****", refused}, {"4", "", "user,nils", "R=ok"}, {"4", "", "pass,*****", refused},
	} {
		pop += fmt.Sprintf("2026-10-06T08:00:%02d.000Z,S%s,%d,10.20.1.11:110,192.0.2.%s:50001,%s,0,5,5,%s,%s\r\n", i, l[0], i, l[0], l[1], l[2], l[3])
	}
	iis := "#Software: Microsoft Internet Information Services 10.0\r\n#Date: 2026-10-06 23:58:00\r\n" +
		"#Fields: time s-computername s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken\r\n"
	for _, l := range []string{"23:59:58 anna", "23:59:59 per", "00:00:02 anna", "00:00:03 per", "12:00:00 olga"} {
		at, user, _ := strings.Cut(l, " ")
		iis += at + " EX01 10.20.1.11 POST /EWS/Exchange.asmx - 443 CONTOSO\\" + user + " 192.0.2.7 ews/1 200 0 0 5\r\n"
	}
	return map[string]string{"smtp": smtp, "pop": pop, "iis without dates": iis}
}

// A log whose lines belong together is read in pieces that end anywhere, by one reader or many, and comes to what it
// comes to when it is read at once.
func TestSessionsAcrossCheckpoints(t *testing.T) {
	t.Parallel()
	for name, text := range talks() {
		want := scan(t, folder(t, map[string]string{"a.LOG": text}), options())
		if want.Counted < 3 {
			t.Fatalf("%s: %d sign-ins", name, want.Counted)
		}
		for _, mode := range []string{"looked", "followed", "by another reader each time"} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				for line := range strings.Lines(text) {
					for _, piece := range []string{line[:len(line)/2], line[len(line)/2:]} {
						s.append("a.LOG", piece)
						switch mode {
						case "followed":
							continue
						case "by another reader each time":
							s.close()
						}
						s.look()
					}
					if mode != "followed" {
						continue
					}
					if s.end == nil {
						s.follow()
					}
					s.committed("a.LOG")
				}
				s.must(s.unfollow())
				s.must(s.store.Settle(t.Context(), never))
				got, err := s.store.Result(t.Context(), sqlite.Period{})
				s.must(err)
				if got.Lines != want.Lines {
					t.Errorf("lines %+v, want %+v", got.Lines, want.Lines)
				}
				if diff := difference(usageInWords(got), usageInWords(want)); diff != "" {
					t.Errorf("usage:\n%s", diff)
				}
				s.sound()
			})
		}
	}
}

// committed waits until all whole lines of a log are in the ledger, unless it is not known yet what it is.
func (s *site) committed(name string) {
	s.t.Helper()
	from := s.looks.Load()
	eventually(s.t, func() string {
		known, err := s.store.Known(s.t.Context())
		s.must(err)
		for i := range known.Sources {
			src := &known.Sources[i]
			if src.Path != filepath.ToSlash(s.path(name)) {
				continue
			}
			if fi, err := os.Stat(s.path(name)); err == nil && (src.Offset == fi.Size() || src.Kind.String() == "unknown" && s.looks.Load() > from) {
				return ""
			}
			return fmt.Sprintf("committed up to %d (%s, %s, %s)", src.Offset, src.Kind, src.State, src.Why)
		}
		return "not known"
	})
}
