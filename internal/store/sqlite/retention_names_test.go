package sqlite

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// from is a line with another address.
func from(line, address string) string {
	return strings.NewReplacer(",198.51.100.7,", ","+address+",", " 192.0.2.7 ", " "+address+" ", " 198.51.100.66 ", " "+address+" ").Replace(line)
}

func (k *kept) addresses() string {
	k.t.Helper()
	var all []string
	rows, err := k.Store.write.Query("SELECT ip FROM address ORDER BY ip")
	if err != nil {
		k.t.Fatal(err)
	}
	err = scan(rows, func() error {
		var ip []byte
		err := rows.Scan(&ip)
		a, _ := netip.AddrFromSlice(ip)
		all = append(all, strings.TrimPrefix(a.String(), "203.0.113."))
		return err
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return strings.Join(all, " ")
}

// An address goes with the last hour that has it, and comes back when it is seen again.
func TestPruneAddresses(t *testing.T) {
	t.Parallel()
	k := keep(t, short())
	k.write("proxy.LOG", keptProxyHead,
		from(proxied(clock("2026-10-10 08:00"), `CONTOSO\anna`, "curl/8"), "203.0.113.1"),
		from(proxied(clock("2026-10-10 08:00"), `CONTOSO\anna`, "curl/8"), "203.0.113.2"),
		from(proxied(clock("2026-10-11 08:00"), `CONTOSO\anna`, "curl/8"), "203.0.113.2"))
	k.write("u_ex.log", keptIISHead, from(web(clock("2026-10-10 15:00"), "ben"), "203.0.113.3")) // it waits for HttpProxy
	k.read()
	if got := k.addresses(); got != "1 2 3" {
		t.Fatalf("addresses %s", got)
	}
	next := func(day, want string, lines ...string) {
		t.Helper()
		k.clock = clock(day + " 12:00")
		k.write("proxy.LOG", lines...)
		k.read()
		k.prune()
		if got := k.addresses(); got != want {
			t.Errorf("%s: addresses %s, want %s", day, got, want)
		}
		k.sound()
	}
	next("2026-10-12", "1 2 3 4", from(proxied(clock("2026-10-12 08:00"), `CONTOSO\anna`, "curl/8"), "203.0.113.4"))
	next("2026-10-13", "2 3 4", from(proxied(clock("2026-10-13 08:00"), `CONTOSO\anna`, "curl/8"), "203.0.113.4"))
	next("2026-10-14", "1 3 4", from(proxied(clock("2026-10-14 08:00"), `CONTOSO\anna`, "curl/8"), "203.0.113.1"), from(proxied(clock("2026-10-14 09:00"), `CONTOSO\anna`, "curl/8"), "203.0.113.4"))
	k.settle()
	next("2026-10-15", "1 3 4", from(proxied(clock("2026-10-15 08:00"), `CONTOSO\carla`, "curl/8"), "203.0.113.3"))
	if n := k.n("SELECT count(*) FROM hour h JOIN address a ON a.id = h.address"); n != k.n("SELECT count(*) FROM hour") || n == 0 {
		t.Errorf("%d hour rows have an address", n)
	}
}

// An account of which nothing counted but what was told twice goes with the hours that told it, and is made again, by
// the same process, when it is seen again. No sum changes.
func TestPruneEmptyRows(t *testing.T) {
	t.Parallel()
	k := keep(t, short())
	k.write("proxy.LOG", keptProxyHead, proxied(clock("2026-10-10 08:00"), `CONTOSO\anna`, "curl/8"))
	k.write("u_ex.log", keptIISHead, web(clock("2026-10-10 08:01"), "dora"), web(clock("2026-10-10 08:02"), "eve"), web(clock("2026-10-10 14:00"), "ben"), web(clock("2026-10-10 08:03"), "ben"))
	k.read()
	k.settle()
	accounts := func() string {
		return strings.ReplaceAll(k.text("SELECT group_concat(key, ' ') FROM (SELECT key FROM account ORDER BY key)"), `contoso\`, "")
	}
	sums := func() string {
		return fmt.Sprint(k.n("SELECT sum(count) FROM usage"), " counted, ", k.n("SELECT sum(count) FROM weak WHERE state = 2"), " told twice, ", k.n("SELECT sum(lines) FROM line_count"), " lines")
	}
	if got := accounts(); got != "anna ben dora eve" {
		t.Fatalf("accounts %s", got)
	}
	day := func(date string, proxy, iis []string, want, wantSums string) {
		t.Helper()
		k.clock = clock(date + " 12:00")
		k.write("proxy.LOG", proxy...)
		k.write("u_ex.log", iis...)
		k.read()
		k.settle()
		k.prune()
		if got := accounts(); got != want {
			t.Errorf("%s: accounts %s, want %s", date, got, want)
		}
		if got := sums(); got != wantSums {
			t.Errorf("%s: %s, want %s", date, got, wantSums)
		}
		k.sound()
	}
	at := func(text, user string) []string { return []string{proxied(clock(text), `CONTOSO\`+user, "curl/8")} }
	day("2026-10-12", at("2026-10-12 08:00", "anna"), []string{web(clock("2026-10-12 08:01"), "eve")}, "anna ben dora eve", "3 counted, 4 told twice, 9 lines")
	day("2026-10-13", at("2026-10-13 08:00", "anna"), nil, "anna ben eve", "4 counted, 4 told twice, 10 lines")
	usage := k.n("SELECT count(*) FROM usage")
	day("2026-10-14", at("2026-10-14 08:00", "anna"), []string{web(clock("2026-10-14 08:01"), "dora"), web(clock("2026-10-14 10:00"), "eve")}, "anna ben dora eve", "6 counted, 5 told twice, 13 lines")
	if n := k.n("SELECT count(*) FROM usage"); n != usage+1 {
		t.Errorf("%d usage rows, and one more is %d", usage, n)
	}
	day("2026-10-18", at("2026-10-18 08:00", "dora"), nil, "anna ben dora eve", "7 counted, 5 told twice, 14 lines")
	if n := k.n("SELECT count(*) FROM usage WHERE weak = 1 AND count = 0"); n != 0 {
		t.Errorf("%d rows count nothing", n)
	}
}

// What gateways told, and sign-ins to the cloud, go with the hours; those that come too late are not kept at all.
func TestPruneEvents(t *testing.T) {
	t.Parallel()
	k := keep(t, short())
	day := func(n int64) int64 { return clock("2026-10-10 08:00").UnixMilli() + n*dayMs }
	at := int64(0)
	src := &ingest.Source{ID: 1, Path: "duo.json", State: ingest.Read, Kind: signin.Duo, Plain: true, Size: 1000}
	commit := func(times ...int64) {
		t.Helper()
		b := &ingest.Batch{Log: 1, From: at, To: at + 100, Range: at}
		for i, when := range times {
			b.Events = append(b.Events, signin.MFAEvent{Kind: signin.Duo, Time: when, User: "anna", Address: netip.AddrFrom4([4]byte{203, 0, 113, byte(at/100*10) + byte(i)}), At: signin.Ref{Offset: at + int64(i), Length: 1}})
		}
		at += 100
		src.Offset = at
		if err := k.Commit(t.Context(), &ingest.Commit{Sources: []*ingest.Source{src}, Batches: []*ingest.Batch{b}}); err != nil {
			t.Fatal(err)
		}
	}
	commit(day(0), day(1))
	for n := range int64(2) {
		k.exec("INSERT INTO cloud_signin (shared, kind, record, weight, usage, address, time, source, at, length, line) VALUES (?, 1, '', 0, 0, 0, ?, 1, 0, 0, 0)", fmt.Sprint(n), day(n))
	}
	count := func(want string) {
		t.Helper()
		k.clock = clock("2026-10-30")
		k.prune()
		if got := fmt.Sprint(k.n("SELECT count(*) FROM mfa_event"), k.n("SELECT count(*) FROM cloud_signin"), " ", k.addresses()); got != want {
			t.Errorf("events, cloud and addresses: %s, want %s", got, want)
		}
	}
	count("2 2 0 1")
	commit(day(3), day(0))
	count("2 1 1 10")
	commit(day(9))
	count("1 0 20")
}

// An hour that waited beyond its time, and turned out to be told twice after the hours were dropped, still has its row.
func TestPruneEmptyRowsOfHoursThatWaited(t *testing.T) {
	t.Parallel()
	k := keep(t, short())
	k.clock = clock("2026-10-20 12:00")
	k.write("proxy.LOG", keptProxyHead, proxied(clock("2026-10-19 08:00"), `CONTOSO\anna`, "curl/8"))
	k.write("u_ex.log", keptIISHead, web(clock("2026-10-16 08:00"), "dora"))
	k.read()
	for {
		p := newPruning(k.writer, k.clock)
		next, err := p.next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if p.steps()[next].what == "rows that count nothing" {
			break
		}
		if _, err := k.Prune(t.Context(), k.clock); err != nil {
			t.Fatal(err)
		}
	}
	k.write("old.LOG", keptProxyHead, proxied(clock("2026-10-16 08:30"), `CONTOSO\anna`, "curl/8"))
	k.read()
	k.prune()
	k.sound()
	k.write("proxy.LOG", proxied(clock("2026-10-20 08:00"), `CONTOSO\anna`, "curl/8"))
	k.clock = clock("2026-10-21 12:00")
	k.read()
	k.prune()
	k.sound()
	if hours, rows := k.n("SELECT count(*) FROM hour WHERE hour < ?", clock("2026-10-17").UnixMilli()/hourMs), k.n("SELECT count(*) FROM usage WHERE count = 0"); hours+rows != 0 {
		t.Errorf("%d old hours and %d rows that count nothing are left", hours, rows)
	}
}
