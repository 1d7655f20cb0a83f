package ingest_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

func TestContosoEqualsTheTruth(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("..", "samples", "contoso.truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var truth struct {
		Rows []struct {
			truthRow
			Count int64
		}
		Files []struct {
			Path, Kind     string
			Lines, SignIns int64
		}
		Lines, Counted int64
		ToldTwice      int64 `json:"told_twice"`
	}
	if err := json.Unmarshal(raw, &truth); err != nil {
		t.Fatal(err)
	}
	res := scan(t, filepath.Join("..", "samples", "contoso"), options())
	if res.Lines.Total != truth.Lines || res.Counted != truth.Counted || res.ToldTwice != truth.ToldTwice {
		t.Errorf("lines %d counted %d told twice %d, want %d %d %d", res.Lines.Total, res.Counted, res.ToldTwice, truth.Lines, truth.Counted, truth.ToldTwice)
	}
	got := rows(res)
	for _, want := range truth.Rows {
		if got[want.truthRow] != want.Count {
			t.Errorf("%+v: %d, want %d", want.truthRow, got[want.truthRow], want.Count)
		}
		delete(got, want.truthRow)
	}
	for row, n := range got {
		t.Errorf("%+v: %d, and the story knows nothing of it", row, n)
	}
}

// The result does not depend on how many workers there are, nor on where files are cut.
func TestResultIsTheSameForAnyNumberOfWorkers(t *testing.T) {
	t.Parallel()
	var want *ingest.Result
	for _, workers := range []int{1, 2, 7} {
		opt := options()
		opt.Workers, opt.PartSize = workers, 4<<10
		res := scan(t, filepath.Join("..", "samples", "contoso"), opt)
		if want == nil {
			want = res
			continue
		}
		if len(res.Usage) != len(want.Usage) {
			t.Fatalf("%d workers: %d rows, want %d", workers, len(res.Usage), len(want.Usage))
		}
		for i := range res.Usage {
			a, b := res.Usage[i], want.Usage[i]
			a.Account, b.Account = nil, nil // equal by key, and one per worker
			if !reflect.DeepEqual(a, b) || res.Usage[i].Account.Key != want.Usage[i].Account.Key {
				t.Errorf("%d workers: row %d is\n%+v, want\n%+v", workers, i, a, b)
			}
		}
		if !reflect.DeepEqual(res.Coverage, want.Coverage) || !reflect.DeepEqual(res.Noise, want.Noise) || res.Lines != want.Lines {
			t.Errorf("%d workers: coverage, noise or lines differ", workers)
		}
	}
	whole := scan(t, filepath.Join("..", "samples", "contoso"), options())
	if !maps.Equal(rows(whole), rows(want)) {
		t.Error("cutting files changes what is counted")
	}
}

func both(reqs []request) map[string]string {
	files := map[string]string{}
	for _, r := range reqs {
		p, i := "EX/HttpProxy/"+r.protocol+"/a.LOG", "EX/W3SVC1/u_ex.log"
		if files[p] == "" {
			files[p] = proxyHead
		}
		if files[i] == "" {
			files[i] = iisHead
		}
		files[p] += r.proxy()
		files[i] += r.iis(true)
	}
	return files
}

func morning() []request {
	return []request{
		{"2026-10-06 08:15:00", "EX01", `CONTOSO\anna`, "Ews", "/EWS/Exchange.asmx", "Basic", 1},
		{"2026-10-06 08:16:00", "EX01", `CONTOSO\ben`, "Eas", "/Microsoft-Server-ActiveSync/default.eas", "Basic", 2},
		{"2026-10-06 08:17:00", "EX01", `CONTOSO\cleo`, "Ews", "/EWS/Exchange.asmx", "", 3},
		{"2026-10-06 09:15:00", "EX01", `CONTOSO\anna`, "Ews", "/EWS/Exchange.asmx", "Negotiate", 4},
	}
}

// Trap 5: IIS and HttpProxy tell the same request. It counts once, and the better teller wins.
func TestTrap05ToldTwiceCountsOnce(t *testing.T) {
	t.Parallel()
	reqs := morning()
	res := scan(t, folder(t, both(reqs)), options())
	want := map[truthRow]int64{
		{`contoso\anna`, "ews", "basic", "", "success", "proven"}:       1,
		{`contoso\anna`, "ews", "negotiate", "", "success", "proven"}:   1,
		{`contoso\ben`, "activesync", "basic", "", "success", "proven"}: 1,
		{`contoso\cleo`, "ews", "basic", "", "failure", "inferred"}:     1, // IIS names whom HttpProxy does not
	}
	if got := rows(res); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if res.ToldTwice != 4 || res.Lines.SignIn != 8 {
		t.Errorf("told twice %d of %d", res.ToldTwice, res.Lines.SignIn)
	}
}

// One of the two is missing for an hour, or altogether: the other one counts there.
func TestTrap05EitherLogAloneCounts(t *testing.T) {
	t.Parallel()
	reqs := morning()
	files := both(reqs)
	files["EX/HttpProxy/Ews/a.LOG"] = proxyHead + reqs[3].proxy() // nothing of 08:00 to 09:00
	res := scan(t, folder(t, files), options())
	want := map[truthRow]int64{
		{`contoso\anna`, "ews", "unknown", "", "success", "inferred"}:   1, // only IIS tells of this hour
		{`contoso\anna`, "ews", "negotiate", "", "success", "proven"}:   1,
		{`contoso\ben`, "activesync", "basic", "", "success", "proven"}: 1,
		{`contoso\cleo`, "ews", "basic", "", "failure", "inferred"}:     1,
	}
	if got := rows(res); !maps.Equal(got, want) {
		t.Errorf("a missing hour: %v", got)
	}
	delete(files, "EX/W3SVC1/u_ex.log")
	files["EX/HttpProxy/Ews/a.LOG"] = proxyHead + reqs[0].proxy() + reqs[2].proxy() + reqs[3].proxy()
	res = scan(t, folder(t, files), options())
	if got := rows(res)[truthRow{"", "ews", "basic", "", "failure", "claimed"}]; got != 1 || res.ToldTwice != 0 {
		t.Errorf("without IIS the nameless refusal counts: %d, told twice %d", got, res.ToldTwice)
	}
}

// The order of the files, and which folder they are found in, change nothing.
func TestTrap05AnyOrderOfFiles(t *testing.T) {
	t.Parallel()
	reqs := morning()
	var want map[truthRow]int64
	for n, names := range [][]string{{"a", "b", "c"}, {"c", "a", "b"}, {"b", "c", "a"}, {"z/1", "y/2", "x/3"}} {
		files := map[string]string{
			names[0]: proxyHead + reqs[0].proxy() + reqs[2].proxy() + reqs[3].proxy(),
			names[1]: proxyHead + reqs[1].proxy(),
			names[2]: iisHead + reqs[3].iis(true) + reqs[1].iis(true) + reqs[0].iis(true) + reqs[2].iis(true),
		}
		got := rows(scan(t, folder(t, files), options()))
		if n == 0 {
			want = got
		} else if !maps.Equal(got, want) {
			t.Errorf("order %d: %v, want %v", n, got, want)
		}
	}
}

// Trap 5: what counts is that an account signs in this way, from this client, on so many days; not how
// many requests that takes.
func TestTrap05RequestsOfOneClientAreOneRow(t *testing.T) {
	t.Parallel()
	log := proxyHead
	for i := range 300 {
		log += request{fmt.Sprintf("2026-10-%02d 08:%02d:00", 6+i%3, i%60), "EX01", `CONTOSO\anna`, "Ews", "/EWS/Exchange.asmx", "Basic", i}.proxy()
	}
	res := scan(t, folder(t, map[string]string{"a.LOG": log}), options())
	if len(res.Usage) != 1 || res.Usage[0].Count != 300 || len(res.Usage[0].Days) != 3 {
		t.Errorf("%+v", res.Usage)
	}
}

// An IIS log that does not name its computer is matched by the request ids that it shares.
func TestIISWithoutComputerNameIsMatchedByRequestIDs(t *testing.T) {
	t.Parallel()
	reqs := morning()
	files := both(reqs)
	files["EX/W3SVC1/u_ex.log"] = iisBare
	for _, r := range reqs {
		files["EX/W3SVC1/u_ex.log"] += r.iis(false)
	}
	dir := folder(t, files)
	res := scan(t, dir, options())
	if len(res.Folders) != 1 || res.Folders[0].Server != "EX01" || !strings.HasPrefix(res.Folders[0].How, "4 request ids") {
		t.Fatalf("%+v", res.Folders)
	}
	if res.ToldTwice != 4 || res.Counted != 4 {
		t.Errorf("counted %d told twice %d", res.Counted, res.ToldTwice)
	}
	other := reqs[0]
	other.server, other.id = "EX02", 99
	files["EX/HttpProxy/Ews/other.LOG"] = proxyHead + other.proxy()
	files["EX/W3SVC1/u_ex.log"] += other.iis(false)
	res = scan(t, folder(t, files), options())
	if res.Folders[0].Server != "" || !strings.Contains(res.Folders[0].How, "more than one server") {
		t.Errorf("ids of two servers in one folder: %+v", res.Folders)
	}
	files["EX/W3SVC1/u_ex.log"] = iisBare + request{"2026-10-06 08:15:00", "", "anna", "Ews", "/EWS/Exchange.asmx", "x", 77}.iis(false)
	res = scan(t, folder(t, files), options())
	if res.Folders[0].Server != "" || res.Usage == nil || res.ToldTwice != 0 {
		t.Errorf("no id in common: %+v, told twice %d", res.Folders, res.ToldTwice)
	}
}

// A log met twice is counted once: as a copy, packed, or copied while it still grew. Two logs that
// only begin alike are two.
func TestLogMetTwiceCountsOnce(t *testing.T) {
	t.Parallel()
	reqs := morning()
	head := proxyHead + reqs[0].proxy()
	full := head + reqs[3].proxy()
	res := scan(t, folder(t, map[string]string{
		"a.LOG": head, "b.LOG": full, "c.LOG.gz": packed(full), "d.LOG": full + reqs[3].proxy()[:40], "e.LOG": wide(full),
		"f.LOG": head + strings.Replace(reqs[3].proxy(), "anna", "zoe", 1),
	}), options())
	states := map[string]ingest.State{}
	for _, l := range res.Logs {
		states[filepath.Base(l.Input.Path)] = l.State
	}
	// d is the longest of one log; f begins like the others and is another one, of which a is a copy too.
	want := map[string]ingest.State{"a.LOG": ingest.Duplicate, "b.LOG": ingest.Duplicate, "c.LOG.gz": ingest.Duplicate, "d.LOG": ingest.Read, "e.LOG": ingest.Duplicate, "f.LOG": ingest.Read}
	if !maps.Equal(states, want) {
		t.Errorf("states %v", states)
	}
	if res.Counted != 4 {
		t.Errorf("counted %d, want the 2 of d and the 2 of f", res.Counted)
	}
	for _, l := range res.Logs {
		if l.State == ingest.Duplicate && (l.Lines.Other != l.Lines.Total || l.Lines.Total == 0 || !strings.Contains(l.Why, "a copy of ")) {
			t.Errorf("%s: %+v %s", l.Input.Path, l.Lines, l.Why)
		}
	}
}

func packed(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return b.String()
}

func wide(s string) string {
	out := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

// Trap 1: the columns change in the middle of a file, and the file is cut around it.
func TestTrap01HeaderChangesAtACut(t *testing.T) {
	t.Parallel()
	const old = "DateTime,Protocol,UrlStem,AuthenticationType,IsAuthenticated,AuthenticatedUser,ServerHostName,HttpStatus,ProxyAction,BackEndStatus,TargetServer,RequestId\r\n"
	const young = "DateTime,HttpStatus,ServerHostName,AuthenticatedUser,IsAuthenticated,AuthenticationType,UrlStem,Protocol,ProxyAction,BackEndStatus,TargetServer,RequestId\r\n"
	var b strings.Builder
	b.WriteString(old)
	for i := range 200 {
		fmt.Fprintf(&b, "2026-10-06T08:%02d:00.000Z,Ews,/EWS,Basic,true,CONTOSO\\old%d,EX01,200,,,,\r\n", i%60, i%7)
	}
	b.WriteString("#Fields: " + young)
	for i := range 200 {
		fmt.Fprintf(&b, "2026-10-06T09:%02d:00.000Z,200,EX01,CONTOSO\\young%d,true,Basic,/EWS,Ews,,,,\r\n", i%60, i%7)
	}
	dir := folder(t, map[string]string{"a.LOG": b.String()})
	for _, size := range []int64{500, 1111, 4096, 1 << 20} {
		opt := options()
		opt.PartSize = size
		res := scan(t, dir, opt)
		if res.Counted != 400 || res.Lines.Malformed != 0 || res.Lines.Directive != 2 {
			t.Errorf("parts of %d bytes: %d counted, %+v", size, res.Counted, res.Lines)
		}
		for _, u := range res.Usage {
			if want := "old"; (u.First/3_600_000)%24 == 9 {
				want = "young"
				if !strings.Contains(u.Account.Key, want) {
					t.Errorf("parts of %d bytes: %s at %d", size, u.Account.Key, u.First)
				}
			}
		}
		n := 0
		if err := res.Documents(t.Context(), func(lines []byte) error { n += bytes.Count(lines, []byte("\n")); return nil }); err != nil || n != 400 {
			t.Errorf("parts of %d bytes: %d documents, %v", size, n, err)
		}
	}
}

// Trap 7: the period is of event time, in UTC days; what is outside is other, not lost.
func TestTrap07SinceAndUntil(t *testing.T) {
	t.Parallel()
	dir := folder(t, both(morning()))
	opt := options()
	opt.Since = 1_791_331_200_000 // 2026-10-07
	res := scan(t, dir, opt)
	if res.Lines.SignIn != 0 || res.Lines.Other != 8 || len(res.Usage) != 0 {
		t.Errorf("a day without a line: %+v", res.Lines)
	}
	opt.Since, opt.Until = 1_791_244_800_000, 1_791_331_200_000
	if res := scan(t, dir, opt); res.Counted != 4 {
		t.Errorf("the day itself: %d", res.Counted)
	}
}

func TestLinesThatAreNoLines(t *testing.T) {
	t.Parallel()
	r := morning()[0]
	res := scan(t, folder(t, map[string]string{
		"unfinished.LOG": proxyHead + r.proxy() + strings.TrimSuffix(r.proxy(), "\r\n"),
		"nul.LOG":        proxyHead + strings.Replace(r.proxy(), "anna", "nora", 1) + strings.Repeat("\x00", 4096),
		"long.LOG":       proxyHead + strings.Replace(r.proxy(), "anna", "lena", 1) + strings.Repeat("x", 3<<20) + "\r\n\r\n",
		"wrong.LOG":      proxyHead + "2026-10-06T08:15:00Z,one,two\r\n" + strings.Replace(r.proxy(), "anna", "wim", 1),
	}), options())
	got := map[string]signin.Lines{}
	for _, l := range res.Logs {
		got[filepath.Base(l.Input.Path)] = l.Lines
	}
	for name, want := range map[string]signin.Lines{
		"unfinished.LOG": {Total: 3, SignIn: 1, Other: 1, Directive: 1},
		"nul.LOG":        {Total: 3, SignIn: 1, Other: 1, Directive: 1},
		"long.LOG":       {Total: 4, SignIn: 1, Malformed: 1, Other: 1, Directive: 1},
		"wrong.LOG":      {Total: 3, SignIn: 1, Malformed: 1, Directive: 1},
	} {
		if got[name] != want {
			t.Errorf("%s: %+v, want %+v", name, got[name], want)
		}
	}
}

func TestDamagedArchiveIsReadAsFarAsItGoes(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(proxyHead)
	for i := range 5000 {
		r := morning()[0]
		r.id, r.user = i, fmt.Sprintf(`CONTOSO\user%d`, i*7919)
		b.WriteString(r.proxy())
	}
	whole := packed(b.String())
	res := scan(t, folder(t, map[string]string{"a.gz": whole[:len(whole)*2/3]}), options())
	l := res.Logs[0]
	if l.State != ingest.Incomplete || l.Err == nil || res.Counted == 0 || res.Counted >= 5000 {
		t.Errorf("state %s, error %v, counted %d", l.State, l.Err, res.Counted)
	}
	if len(res.Coverage) != 1 || res.Coverage[0].Complete {
		t.Errorf("coverage %+v", res.Coverage)
	}
}

// The documents of -o ndjson are the counted sign-ins, no more and no less, in the order of path and offset.
func TestDocumentsAreTheCountedSignIns(t *testing.T) {
	t.Parallel()
	res := scan(t, filepath.Join("..", "samples", "contoso"), options())
	got := map[truthRow]int64{}
	ids := map[string]bool{}
	var places []string
	err := res.Documents(t.Context(), func(lines []byte) error {
		for line := range bytes.Lines(lines) {
			var d struct {
				Event   struct{ ID string }
				Log     struct{ File struct{ Path string } }
				Outmode struct {
					Protocol, Auth, Mechanism, Outcome, Evidence string
					Offset                                       int64
				}
			}
			if err := json.Unmarshal(line, &d); err != nil {
				return fmt.Errorf("%w in %s", err, line)
			}
			o := d.Outmode
			got[truthRow{"", o.Protocol, o.Auth, o.Mechanism, o.Outcome, o.Evidence}]++
			ids[d.Event.ID] = true
			places = append(places, fmt.Sprintf("%s %012d", d.Log.File.Path, o.Offset))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[truthRow]int64{}
	for r, n := range rows(res) {
		r.User = ""
		want[r] += n
	}
	if !maps.Equal(got, want) {
		t.Errorf("documents %v\nrows %v", got, want)
	}
	if int64(len(ids)) != res.Counted {
		t.Errorf("%d ids for %d sign-ins", len(ids), res.Counted)
	}
	if !slices.IsSorted(places) {
		t.Error("not in the order of path and offset")
	}
}

// Back-end lines from an address that is no server's are sign-ins, and never told twice.
func TestBackEndReachedDirectly(t *testing.T) {
	t.Parallel()
	const back = "2026-10-06 08:15:00 EX01 10.0.0.1 POST /EWS/Exchange.asmx - 444 CONTOSO\\ben %s agent 200 0 0\r\n"
	files := both(morning())
	files["EX/W3SVC2/u_ex.log"] = iisHead + fmt.Sprintf(back, "10.20.7.99") + fmt.Sprintf(back, "10.0.0.1") + fmt.Sprintf(back, "fe80::1%3") + fmt.Sprintf(back, "::1")
	res := scan(t, folder(t, files), options())
	n := 0
	for _, u := range res.Usage {
		if u.Backend {
			n++
			if u.Count != 1 || u.Account.Key != `contoso\ben` || u.Evidence != signin.Inferred || fmt.Sprint(u.Addresses) != "[10.20.7.99]" {
				t.Errorf("%+v", u)
			}
		}
	}
	if n != 1 {
		t.Errorf("%d rows of the back end", n)
	}
}

func TestCoverageSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	line := func(hour int) string {
		r := morning()[0]
		r.at = fmt.Sprintf("2026-10-06 %02d:30:00", hour)
		return r.proxy()
	}
	res := scan(t, folder(t, map[string]string{"a.LOG": proxyHead + line(1) + line(2) + line(7) + line(9)}), options())
	if len(res.Coverage) != 1 || res.Coverage[0].Complete || len(res.Coverage[0].Gaps) != 1 {
		t.Fatalf("%+v", res.Coverage)
	}
	g := res.Coverage[0].Gaps[0]
	if (g.From/3_600_000)%24 != 3 || (g.To/3_600_000)%24 != 7 {
		t.Errorf("gap %+v, want 03:00 to 07:00; one silent hour is no gap", g)
	}
}

func TestExplainTellsOfEveryLine(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"a.LOG": proxyHead + morning()[0].proxy() + "\r\nbad\r\n"})
	inputs, _ := tail.Find([]string{dir}, tail.FindOptions{})
	var got []string
	logs, err := ingest.Explain(t.Context(), inputs, options(), func(e ingest.Explained) error {
		got = append(got, fmt.Sprintf("%d %s", e.Line, e.Verdict))
		return nil
	})
	if err != nil || len(logs) != 1 {
		t.Fatal(err, logs)
	}
	if want := []string{"1 directive", "2 signin", "3 other", "4 malformed"}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	stop := fmt.Errorf("enough")
	if _, err := ingest.Explain(t.Context(), inputs, options(), func(ingest.Explained) error { return stop }); err != stop {
		t.Errorf("visit's error: %v", err)
	}
}

// Whatever a file holds, every line is accounted for.
func FuzzLedger(f *testing.F) {
	f.Add([]byte(proxyHead+morning()[0].proxy()), uint16(100))
	f.Add([]byte(iisHead+morning()[1].iis(true)+"\x00\x00"), uint16(50))
	f.Add([]byte(wide(iisBare+morning()[2].iis(false))), uint16(7))
	f.Add([]byte("#Fields: date time\n#Fields:\n\n\n1,2,\"3"), uint16(3))
	f.Fuzz(func(t *testing.T, data []byte, part uint16) {
		dir := folder(t, map[string]string{"a.log": string(data)})
		opt := options()
		opt.PartSize = int64(part) + 1
		res := scan(t, dir, opt)
		for _, l := range res.Logs {
			if l.State == ingest.Unreadable {
				continue
			}
			if n := lines(l.Input); n != l.Lines.Total {
				t.Errorf("%d lines, %d accounted for", n, l.Lines.Total)
			}
		}
	})
}

func lines(in tail.Input) (n int64) {
	r, err := in.Open()
	if err != nil {
		return 0
	}
	defer r.Close()
	for sc := tail.NewScanner(r); sc.Next(); {
		n++
	}
	return n
}
