package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const committed = "../contoso"

// The committed samples are what the generator writes, byte for byte, and nothing else lies beside them.
func TestCommittedSamplesAreTheGenerators(t *testing.T) {
	f := newFolder()
	seen := 0
	err := filepath.WalkDir(committed, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		seen++
		path, _ := filepath.Rel(committed, name)
		want, ok := f.files[filepath.ToSlash(path)]
		if !ok {
			t.Errorf("%s: the generator does not write this file", path)
			return nil
		}
		got, err := os.ReadFile(name)
		if err == nil && !bytes.Equal(got, want) {
			t.Errorf("%s: differs from what the generator writes; run go run ./samples/gen contoso samples/contoso", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen != len(f.files) {
		t.Errorf("%d files are committed, the generator writes %d", seen, len(f.files))
	}
	for name, want := range map[string][]byte{".truth.json": f.ledger.settle().json(), ".mfa.truth.json": f.mfaTruth()} {
		if got, err := os.ReadFile(committed + name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("contoso%s differs from what the generator writes (%v)", name, err)
		}
	}
}

func TestTheStoryIsAlwaysTheSame(t *testing.T) {
	a, b := newFolder(), newFolder()
	total := 0
	for path, content := range a.files {
		total += len(content)
		if !bytes.Equal(content, b.files[path]) {
			t.Errorf("%s: two runs differ", path)
		}
	}
	if !bytes.Equal(a.ledger.settle().json(), b.ledger.settle().json()) || !bytes.Equal(a.mfaTruth(), b.mfaTruth()) {
		t.Error("the truth differs from run to run")
	}
	if total > 3<<20 {
		t.Errorf("the samples take %d bytes; keep them below 3 MiB", total)
	}
}

// Exchange and IIS end every line with CR LF, and so does what Microsoft exports; Duo's programs do not.
func TestLogsEndTheirLinesAsWindowsDoes(t *testing.T) {
	f := newFolder()
	for _, file := range f.ledger.files {
		content := f.files[file.Path]
		if file.Kind == "unknown" || strings.HasPrefix(file.Kind, "duo") || strings.HasSuffix(file.Path, ".gz") || strings.HasSuffix(file.Path, ".zip") {
			continue
		}
		if bytes.Count(content, []byte("\n")) != bytes.Count(content, []byte("\r\n")) {
			t.Errorf("%s: a line ends without CR", file.Path)
		}
	}
}

// allowed says whether an address is private or kept for documentation, so that no sample points at anybody.
func allowed(a netip.Addr) bool {
	for _, p := range []string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"} {
		if netip.MustParsePrefix(p).Contains(a.WithZone("")) {
			return true
		}
	}
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast()
}

func TestNoAddressOrDomainOfAnybody(t *testing.T) {
	address := regexp.MustCompile(`(^|[ ,=\[+])([0-9]+(\.[0-9]+){3}|[0-9a-f:]*::[0-9a-f:]*)($|[ ,:;&\]+%])`)
	domain := regexp.MustCompile(`(?i)[a-z0-9-]+\.(com|net|org|io|de|eu|local|test|example)\b`)
	texts := make(map[string][]byte)
	f := newFolder()
	for path, content := range f.files {
		if !strings.HasSuffix(path, "screenshot.log") {
			texts[path] = content
		}
	}
	for _, kind := range []string{"iis", "httpproxy"} {
		texts["big "+kind] = big(t, kind, 3000)
	}
	for path, content := range texts {
		for _, line := range strings.Split(string(content), "\n") {
			if strings.HasPrefix(line, "#") {
				continue
			}
			for _, m := range address.FindAllStringSubmatch(line, -1) {
				if a, err := netip.ParseAddr(m[2]); err == nil && !allowed(a) {
					t.Errorf("%s: address %s could be somebody's", path, a)
				}
			}
			for _, name := range domain.FindAllString(strings.ReplaceAll(line, "%40", "@"), -1) {
				switch strings.ToLower(name) {
				case "contoso.com", "fabrikam.com", "domain.test", "system.net": // the last is a namespace
				case "w3.org", "xmlsoap.org", "microsoft.com", "duosecurity.com": // more of them, and the service that was asked
				default:
					t.Errorf("%s: domain %s could be somebody's", path, name)
				}
			}
		}
	}
}

// Every client of the table is met somewhere in the story.
func TestEveryClientAppears(t *testing.T) {
	f := newFolder()
	var all []byte
	for _, path := range f.paths() {
		all = append(all, f.files[path]...)
	}
	tools := newArsenal()
	for _, list := range [][]*client{tools.outlook, tools.phones, tools.legacyPhones, tools.ews, tools.scripts, tools.browsers, tools.macs, tools.skype, tools.exchange, probeClients()} {
		for _, c := range list {
			if !bytes.Contains(all, []byte(c.iis)) || !bytes.Contains(all, []byte(c.proxy)) {
				t.Errorf("%s: not in both kinds of log", c.sent)
			}
		}
	}
}

// The numbers in the README are those of the truth.
func TestReadmeTellsTheTruth(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	truth := newFolder().ledger.settle()
	counts := make(map[string]int)
	for _, r := range truth.Rows {
		counts[fmt.Sprint(r.User, "|", r.Protocol, "|", r.Auth, "|", r.Outcome)] += r.Count
	}
	line := regexp.MustCompile("(?m)^\\| `([^`]*)` \\| (\\w+) \\| (\\w+) \\| (\\w+) \\| (\\d+) \\|")
	found := line.FindAllStringSubmatch(string(readme), -1)
	if len(found) < 20 {
		t.Errorf("found only %d counts in the README", len(found))
	}
	for _, m := range found {
		user := strings.TrimPrefix(m[1], "(nobody)")
		want, _ := strconv.Atoi(m[5])
		if got := counts[fmt.Sprint(user, "|", m[2], "|", m[3], "|", m[4])]; got != want {
			t.Errorf("README says %s; the truth says %d", m[0], got)
		}
	}
	for _, n := range []int{truth.Lines, truth.SignInLines, truth.ToldTwice, truth.Counted} {
		if !bytes.Contains(readme, []byte(" "+strconv.Itoa(n)+" ")) {
			t.Errorf("the README does not mention %d", n)
		}
	}
}

// The README names every planted case of the second factor, as the truth has it.
func TestReadmeTellsThePlantedCases(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range newFolder().story.factors.cases {
		tags := strings.ToUpper(strings.ReplaceAll(strings.Join(c.Tags, " "), "catalogue.", ""))
		if tags == "" {
			tags = "-"
		}
		row := fmt.Sprintf("| %s | `%s` | %s | %s | %s | %s |\n", c.Name, c.User, strings.Replace(c.Time[5:16], "T", " ", 1), c.Entry, c.MFA, tags)
		if c.Kind == planted && !bytes.Contains(readme, []byte(row)) {
			t.Errorf("the README lacks %s", row)
		}
	}
}

func TestTruthAddsUp(t *testing.T) {
	var doc truth
	if err := json.Unmarshal(newFolder().ledger.settle().json(), &doc); err != nil {
		t.Fatal(err)
	}
	rows, signins, lines := 0, 0, 0
	for _, r := range doc.Rows {
		rows += r.Count
	}
	for _, f := range doc.Files {
		signins, lines = signins+f.SignIns, lines+f.Lines
	}
	if rows != doc.Counted || signins != doc.SignInLines || doc.Counted+doc.ToldTwice != doc.SignInLines || lines != doc.Lines {
		t.Errorf("rows %d, counted %d, told twice %d, sign-in lines %d and %d, lines %d and %d", rows, doc.Counted, doc.ToldTwice, doc.SignInLines, signins, doc.Lines, lines)
	}
}

// big is the start of a large input.
func big(t *testing.T, kind string, lines int64) []byte {
	t.Helper()
	o := &bigOptions{kind: kind, users: 500, seed: 7, lines: lines}
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := writeBig(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Both logs of one seed tell the same requests, and a second run writes the same bytes.
func TestBigInputsTellTheSameDay(t *testing.T) {
	iis, proxy := big(t, "iis", 2000), big(t, "httpproxy", 2000)
	if !bytes.Equal(iis, big(t, "iis", 2000)) {
		t.Error("two runs differ")
	}
	ids := regexp.MustCompile(`cafeReqId=([0-9a-f-]{36})`).FindAllSubmatch(iis, -1)
	if len(ids) != 2000 {
		t.Fatalf("%d request ids in 2000 lines", len(ids))
	}
	for _, id := range ids {
		if !bytes.Contains(proxy, id[1]) {
			t.Fatalf("request %s is told by IIS alone", id[1])
		}
	}
	columns := strings.Count(proxyColumns, ",")
	for n, line := range strings.Split(strings.TrimSpace(string(proxy)), "\r\n") {
		if !strings.HasPrefix(line, "#") && strings.Count(line, ",") != columns {
			t.Fatalf("line %d has %d commas, want %d: %s", n+1, strings.Count(line, ","), columns, line)
		}
	}
}

func TestSmallFilesHoldTheBytesOfTheBigOne(t *testing.T) {
	o := &bigOptions{kind: "iis", users: 500, seed: 7, lines: 1000}
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := writeSmall(dir, o, 10); err != nil {
		t.Fatal(err)
	}
	var all []byte
	for n := range 10 {
		b, err := os.ReadFile(o.smallName(dir, n))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := bytes.Cut(b, []byte("cs-host\r\n"))
		all = append(all, rest...)
	}
	_, want, _ := bytes.Cut(big(t, "iis", 1000), []byte("cs-host\r\n"))
	if !bytes.Equal(all, want) {
		t.Error("the small files differ from the big one")
	}
}

func BenchmarkBig(b *testing.B) {
	for _, kind := range []string{"iis", "httpproxy"} {
		b.Run(kind, func(b *testing.B) {
			o := &bigOptions{kind: kind, users: 2000, seed: 1, lines: 1}
			if err := o.complete(); err != nil {
				b.Fatal(err)
			}
			stream := newTraffic(o.seed, o.users, 1e6, 1)
			render, _ := o.newRenderer(0)
			var r request
			var line []byte
			for b.Loop() {
				stream.next(&r)
				line = render.appendLine(line[:0], &r)
			}
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
		})
	}
}

// Every line of an IIS log has as many values as the #Fields above it names.
func TestEveryLineFitsItsColumns(t *testing.T) {
	f := newFolder()
	for _, path := range f.paths() {
		if !strings.Contains(path, "/u_ex") {
			continue
		}
		columns := 0
		lines := strings.Split(string(f.files[path]), "\r\n")
		for n, line := range lines[:len(lines)-1] {
			if names, ok := strings.CutPrefix(line, "#Fields: "); ok {
				columns = strings.Count(names, " ")
			} else if !strings.HasPrefix(line, "#") && strings.Count(line, " ") != columns {
				t.Errorf("%s:%d: %d values, want %d", path, n+1, strings.Count(line, " ")+1, columns+1)
			}
		}
	}
}
