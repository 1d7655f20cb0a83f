package rules_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// load compiles one file and fails the test on a problem.
func load(t testing.TB, yaml string) *rules.Set {
	t.Helper()
	set, problems := rules.Load([]rules.File{{Name: "test.yaml", Data: []byte(yaml)}})
	for _, p := range problems {
		t.Error(p)
	}
	if len(problems) > 0 {
		t.FailNow()
	}
	return set
}

// rule writes a rule file with one match rule.
func rule(when string) string {
	return fmt.Sprintf("id: T-1\nname: Test\nseverity: low\nwhen: %q\n", when)
}

// A world is the accounts, clients and addresses of random sign-ins: few of each, so that memories
// are hit.
type world struct {
	accounts  []*signin.Account
	clients   []*signin.Client
	addresses []*signin.Address
	servers   []string
	paths     []string
}

func newWorld(r *rand.Rand) *world {
	w := &world{servers: []string{"", "EX01", "ex02"}, paths: []string{"", "/EWS/Exchange.asmx", "/mapi/emsmdb", "/rpc/rpcproxy.dll", "\xff\xfe", strings.Repeat("/ä", 2000)}}
	w.accounts = append(w.accounts, signin.Nobody())
	for i, name := range []string{"anna", "ben", "adm-carl", "7", "12"} {
		for _, form := range []signin.Form{signin.Sam, signin.UPN, signin.Bare} {
			a := &signin.Account{Name: name, Form: form, Privileged: i == 2}
			switch form {
			case signin.Sam:
				a.Domain, a.Key = "contoso", `contoso\`+name
			case signin.UPN:
				a.Domain, a.Key = "contoso.com", name+"@contoso.com"
			default:
				a.Key = name
			}
			w.accounts = append(w.accounts, a)
		}
	}
	for i, agent := range []string{"", "Outlook/16.0", "curl/8", "5", strings.Repeat("x", 3000)} {
		c := &signin.Client{Agent: agent, Family: fmt.Sprintf("family-%d", i), Index: uint8(i), Version: []string{"", "16.0", "8", "5", "x"}[i], Modern: signin.Modern(i % 3)}
		w.clients = append(w.clients, c)
	}
	w.addresses = append(w.addresses, &signin.Address{})
	for _, ip := range []string{"10.0.0.1", "10.9.0.1", "192.0.2.7", "2001:db8::1", "203.0.113.9"} {
		a := netip.MustParseAddr(ip)
		w.addresses = append(w.addresses, &signin.Address{Raw: ip, IP: a, Internal: strings.HasPrefix(ip, "10.")})
	}
	r.Shuffle(len(w.accounts), func(i, k int) { w.accounts[i], w.accounts[k] = w.accounts[k], w.accounts[i] })
	return w
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// signIn makes a sign-in of any fields.
func (w *world) signIn(r *rand.Rand) *signin.SignIn {
	ms := int64(1_790_000_000_000) + r.Int64N(60*24*3600*1000)
	if r.IntN(8) == 0 {
		ms = r.Int64N(1_790_000_000_000)
	}
	f := &signin.Facts{Kind: pick(r, []signin.Kind{signin.IIS, signin.HTTPProxy, signin.IMAPLog}), Time: ms, Path: []byte(pick(r, w.paths)),
		Status: pick(r, []uint16{0, 200, 401, 403, 500})}
	return &signin.SignIn{Verdict: signin.SignInLine, Protocol: signin.Protocol(r.IntN(6)), Auth: signin.Auth(r.IntN(5)),
		Mechanism: signin.Mechanism(r.IntN(3)), Outcome: signin.Outcome(r.IntN(5)), Evidence: signin.Evidence(r.IntN(3)),
		Traffic: signin.Traffic(r.IntN(2)), Backend: r.IntN(4) == 0, Server: pick(r, w.servers), Account: pick(r, w.accounts),
		Client: pick(r, w.clients), Address: pick(r, w.addresses), Facts: f}
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, seed)) }
