package rules_test

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

const testLists = "lists:\n  vips: [anna, 'b*']\n  places: [10.0.0.1, '192.0.2.*']\n---\n"

// expression writes a random expression, some of which fail at run time.
func expression(r *rand.Rand, depth int) string {
	if depth > 0 && r.IntN(4) != 0 {
		a, b := expression(r, depth-1), expression(r, depth-1)
		switch r.IntN(6) {
		case 0, 1:
			return "(" + a + pick(r, []string{" && ", " and "}) + b + ")"
		case 2, 3:
			return "(" + a + pick(r, []string{" || ", " or "}) + b + ")"
		case 4:
			return pick(r, []string{"!", "not "}) + "(" + a + ")"
		default:
			return fmt.Sprintf("(%s ? %s : %s)", a, b, expression(r, 0))
		}
	}
	return condition(r)
}

func condition(r *rand.Rand) string {
	word := func(f string) string { return fmt.Sprintf("%q", pick(r, signin.Words(f))) }
	enum := pick(r, []string{"protocol", "auth", "outcome", "evidence", "traffic", "modern", "mechanism", "weekday"})
	text := pick(r, []string{"user", "domain", "server", "client", "client_version", "address", "path", "agent", "dataset"})
	number := pick(r, []string{"hour", "status", "len(user)", "hour % 5", "-status"})
	switch r.IntN(19) {
	case 0:
		return pick(r, []string{"internal", "privileged", "backend", "legacy_exo", "legacy_onprem", "true", "false"})
	case 1, 2:
		return enum + pick(r, []string{" == ", " != "}) + word(enum)
	case 3:
		return word(enum) + " == " + enum
	case 4:
		return fmt.Sprintf("%s %s [%s, %s]", enum, pick(r, []string{"in", "not in"}), word(enum), word(enum))
	case 5:
		return pick(r, []string{`user == "anna"`, `domain == "contoso"`, `server == "EX01"`, `user != ""`})
	case 6:
		return fmt.Sprintf("%s %s %q", text, pick(r, []string{"contains", "startsWith", "endsWith", "not contains", "<"}), pick(r, []string{"a", "con", "1", "/EWS", ""}))
	case 7:
		return fmt.Sprintf("%s matches %q", text, pick(r, []string{"^a", "[0-9]+", "x{2,3}$"}))
	case 8:
		return fmt.Sprintf("%s %s %d", number, pick(r, []string{"<", ">", "<=", ">=", "==", "!="}), pick(r, []int{0, 3, 12, 200, 401}))
	case 9:
		return pick(r, []string{"status in [200, 401]", "status in 400..499", "hour not in 8..18", "0 <= hour < 12"})
	case 10:
		return pick(r, []string{`cidr(address, "10.0.0.0/8")`, `cidr(address, "192.0.2.0/24", "2001:db8::/32")`})
	case 11:
		return pick(r, []string{`in_list(user, "vips")`, `in_list(address, "places")`, `in_list(lower(agent), "vips")`})
	case 12:
		return fmt.Sprintf("glob(%s, %q)", text, pick(r, []string{"*a*", "/ews/*", "?nna", "*"}))
	case 13:
		return fmt.Sprintf("int(%s) > %d", pick(r, []string{"user", "client_version", "agent", "server"}), r.IntN(10))
	case 14:
		return pick(r, []string{"status % hour == 0", "len(path) % len(user) == 1", "100 % len(domain) > 3"})
	case 15:
		return fmt.Sprintf("time >= date(%q)", pick(r, []string{"2026-10-01", "2026-09-25T12:00:00Z", "1990-01-01"}))
	case 16:
		return fmt.Sprintf("%s == %s", text, pick(r, []string{"user", "lower(agent)", "path", "client"}))
	case 17:
		return pick(r, []string{"internal == backend", "float(user) < 9.5", "status / 2 > 100.5", "1 == 2 || internal", "(internal && false)", "1 + 1 == 2"})
	default:
		return pick(r, []string{"agent", "user", "server"}) + ` != "" && ` + condition(r)
	}
}

// A randomSet is rules over random expressions, and the same compiled by expr as a whole.
type randomSet struct {
	set    *rules.Set
	plain  [][]*rules.Plain
	source [][]string
}

func newRandomSet(t testing.TB, r *rand.Rand, n int) *randomSet {
	var b strings.Builder
	b.WriteString(testLists)
	rs := &randomSet{}
	var zones []string
	for i := range n {
		zone := pick(r, []string{"UTC", "Europe/Istanbul", "America/St_Johns", "Australia/Lord_Howe"})
		steps := []string{expression(r, r.IntN(4))}
		fmt.Fprintf(&b, "---\nid: R-%03d\nname: Random\nseverity: low\nzone: %s\n", i, zone)
		switch r.IntN(4) {
		case 0:
			steps = append(steps, expression(r, 2))
			fmt.Fprintf(&b, "type: sequence\nwindow: 1h\nsteps: [%q, %q]\n", steps[0], steps[1])
		case 1:
			fmt.Fprintf(&b, "group_by: [user, address, hour]\nwhen: %q\n", steps[0])
		default:
			fmt.Fprintf(&b, "when: %q\n", steps[0])
		}
		rs.source, zones = append(rs.source, steps), append(zones, zone)
	}
	rs.set = load(t, b.String())
	for i, steps := range rs.source {
		zone, err := time.LoadLocation(zones[i])
		if err != nil {
			t.Fatal(err)
		}
		var ps []*rules.Plain
		for _, text := range steps {
			p, err := rules.CompilePlain(rs.set, text, zone)
			if err != nil {
				t.Fatalf("expr does not compile %s: %v", text, err)
			}
			ps = append(ps, p)
		}
		rs.plain = append(rs.plain, ps)
	}
	return rs
}

// check judges a sign-in both ways.
func (rs *randomSet) check(t testing.TB, j *rules.Judge, s *signin.SignIn) {
	t.Helper()
	row := j.Row(s)
	if again := j.Row(s); again != row {
		t.Fatal("Row gave two answers for one sign-in")
	}
	hits := j.Line(row, s)
	if hits.Pending {
		t.Fatal("the answer of Line is pending")
	}
	if hits != j.Line(row, s) || !row.Pending && hits != row {
		t.Fatal("Line gave two answers for one line")
	}
	for i, ps := range rs.plain {
		early, got := rs.set.Ruled(row, i), rs.set.Ruled(hits, i)
		for k, p := range ps {
			want := p.Run(s)
			if got[k] != want || early[k] != want && early[k] != "pending" {
				t.Fatalf("rule %d, step %d: %s\n row %s, line %s, expr says %s\n%+v\n%+v", i, k, rs.source[i][k], early[k], got[k], want, s, s.Facts)
			}
		}
	}
}

// The split evaluator must say exactly what expr says of the whole expression, errors included.
func TestSplitEqualsPlain(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			rs, w := newRandomSet(t, r, 25), newWorld(r)
			j, other := rs.set.NewJudge(), rs.set.NewJudge()
			for range 150 {
				s := w.signIn(r)
				rs.check(t, j, s)
				if j.Line(j.Row(s), s) != other.Line(other.Row(s), s) {
					t.Fatal("two Judges gave two pointers")
				}
			}
		})
	}
}

// What Row decides may depend on nothing that the key of a usage row leaves open.
func TestRowReadsOnlyTheKey(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 2))
		rs, w := newRandomSet(t, r, 20), newWorld(r)
		j := rs.set.NewJudge()
		for range 100 {
			s, o := w.signIn(r), w.signIn(r)
			want := j.Row(s)
			s.Facts.Time, s.Facts.Path, s.Facts.Status = o.Facts.Time, o.Facts.Path, o.Facts.Status
			if s.Address.Internal == o.Address.Internal {
				s.Address = o.Address
			}
			client := *s.Client
			client.Agent, client.Version = o.Client.Agent, o.Client.Version
			s.Client = &client
			if j.Row(s) != want {
				t.Fatalf("seed %d: Row depends on the line", seed)
			}
		}
	}
}

// Hits are pending only where the line can still make a difference.
func TestPendingOnlyWhereTheLineDecides(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 3))
	w := newWorld(r)
	tests := []struct {
		name, when string
		pending    func(s *signin.SignIn) bool
	}{
		{"line first", `agent contains "x" && protocol == "mapi"`, func(s *signin.SignIn) bool { return s.Protocol == signin.MAPI }},
		{"key first", `protocol == "mapi" && agent contains "x"`, func(s *signin.SignIn) bool { return s.Protocol == signin.MAPI }},
		{"or", `protocol == "mapi" || agent contains "x"`, func(s *signin.SignIn) bool { return s.Protocol != signin.MAPI }},
		{"not", `!(status == 401 || auth != "basic")`, func(s *signin.SignIn) bool { return s.Auth == signin.Basic }},
		{"account", `user == "anna" && hour < 6`, func(s *signin.SignIn) bool { return s.Account.Name == "anna" }},
		{"a failure could hide it", `int(agent) > 3 && protocol == "mapi"`, func(*signin.SignIn) bool { return true }},
		{"a failure cannot", `protocol == "mapi" && int(agent) > 3`, func(s *signin.SignIn) bool { return s.Protocol == signin.MAPI }},
		{"key only", `protocol == "mapi" && user == "anna" && server == "EX01" && user != server`, func(*signin.SignIn) bool { return false }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := load(t, rule(tt.when)).NewJudge()
			for range 200 {
				s := w.signIn(r)
				if got, want := j.Row(s).Pending, tt.pending(s); got != want {
					t.Fatalf("pending %v, want %v: %+v", got, want, s)
				}
			}
		})
	}
}

// Memories that are full are emptied, and nothing else changes.
func TestMoreValuesThanAMemoryHolds(t *testing.T) {
	t.Parallel()
	set := load(t, rule(`protocol == "mapi" && user startsWith "a" && address != "" && path endsWith "7"`))
	j := set.NewJudge()
	r := rand.New(rand.NewPCG(4, 4))
	w := newWorld(r)
	for i := range 40_000 {
		s := w.signIn(r)
		s.Protocol = signin.MAPI
		s.Account = &signin.Account{Name: fmt.Sprintf("a%d", i), Key: fmt.Sprintf("a%d", i)}
		s.Facts.Path = fmt.Appendf(nil, "/%d", i)
		h := j.Line(j.Row(s), s)
		if got, want := len(h.Match) == 1, s.Address.IP.IsValid() && i%10 == 7; got != want {
			t.Fatalf("line %d: fires %v, want %v", i, got, want)
		}
	}
	if n := set.Answers(); n > 8 {
		t.Errorf("%d different hits for one rule", n)
	}
}

func FuzzSplitEqualsPlain(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Add(uint64(99), uint64(0))
	f.Fuzz(func(t *testing.T, rulesSeed, lineSeed uint64) {
		r := rand.New(rand.NewPCG(rulesSeed, binary.LittleEndian.Uint64([]byte("fuzzing!"))))
		rs := newRandomSet(t, r, 4)
		lines := rand.New(rand.NewPCG(lineSeed, 5))
		w := newWorld(lines)
		j := rs.set.NewJudge()
		for range 10 {
			rs.check(t, j, w.signIn(lines))
		}
	})
}

func TestGroupsAndHashesAreTheSameInEveryRun(t *testing.T) {
	t.Parallel()
	set := load(t, "id: T-1\nname: Spray\nseverity: high\ntype: threshold\ndistinct: user\nthreshold: 3\nwindow: 1h\ngroup_by: [address, weekday, internal]\nzone: Europe/Vienna\nwhen: outcome == \"failure\"\n")
	r := rand.New(rand.NewPCG(5, 5))
	w := newWorld(r)
	s := w.signIn(r)
	s.Outcome, s.Facts.Time = signin.Failure, 1_790_000_000_000
	s.Account = &signin.Account{Name: "anna", Domain: "contoso", Key: `contoso\anna`, Form: signin.Sam}
	s.Address = w.addresses[3]
	j := set.NewJudge()
	got := j.Ticks(nil, j.Line(j.Row(s), s), s)
	sum := fnv.New64a()
	sum.Write([]byte(`contoso\anna`))
	want := []signin.Tick{{Rule: 0, Step: 0, Group: []byte("192.0.2.7\tmonday\tfalse"), Distinct: sum.Sum64()}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("ticks %+v, want %+v", got, want)
	}
	s.Account = signin.Nobody()
	if got := j.Ticks(nil, j.Line(j.Row(s), s), s); len(got) != 0 {
		t.Errorf("a line without an account counts an account: %+v", got)
	}
}
