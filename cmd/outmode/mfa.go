package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/store/sqlite"
)

// An mfaFlags is what mfa is told.
type mfaFlags struct {
	scanFlags
	declare string
	people  string
	aliases []string
	wap     []string
	used    mfaOptions // of the flags and of the configuration
}

func newMFA(g *globals) *cobra.Command {
	f := &mfaFlags{scanFlags: scanFlags{globals: g}}
	c := &cobra.Command{
		Use:   "mfa",
		Short: "Who got in without a second factor, and where nothing asks for one",
		Long: `Mfa joins the logons of the store with the events of the MFA gateways whose logs were read, and says of each
logon what the gateways say: passed, remembered, bypassed (a helpdesk code too), fail_open, denied, missing,
not_covered, not_required, unknown. That something is missing is said only where a gateway protects the entry point,
its log covers that time and it knows the account: everything else is unknown, with the reason.

A logon is the first request of a session: of an account, a client and an address, with none in the six hours before
it; OWA and ECP share one. Requests that follow are not counted. Inside and outside are those of --internal when the
logs were read.

Unless it is declared, Duo, Monosign, AD FS and WAP are taken to protect owa and ecp on every server, and Entra all of
Exchange Online. --gateway FILE is a YAML list that says it exactly: id kind mapping applications protects {entries servers}
window {before after} session user_form exempt {users addresses}; kind: none says that nothing protects an entry point.
--map FILE joins the names of one person: CSV with the columns sam domain upn sid mail dn guid department manager, or
what ldifde, csvde or ldapsearch export. Lines that prove two names at once join them too. --wap FILE is what
Get-WebApplicationProxyApplication exports, in CSV or JSON: an entry point of Exchange that it publishes as
pass-through is not covered by AD FS, unless a gateway of kind adfs is declared for it. docs/mfa.md has examples.

All of it can stand in the configuration: gateways, organisation.people, organisation.aliases, mfa.wap. It is that of -c
or, without --data, the one in its usual place. --gateway, --map and --wap replace what stands there; --alias adds to it.

-o json: one object: version options (since until gateway map alias wap: what was used, the configuration's too) period
logons accounts_total cells (entry network, a count per word, logons accounts causes) gateways (id kind declared
protects alive skew_seconds skew_pairs logs events unjoined users covered_hours period_hours outcomes last) accounts (of
every logon that is not passed, remembered or not_required: user forms entry network mfa cause gateway reason doubt count
first last addresses clients) unprotected (entry network logons accounts) notes. -o ndjson: a logon per line: time exact
user account server entry network client address mfa cause gateway reason doubt event (time user outcome factor reason
transaction). -o csv: the cells.`,
		Example: `  outmode mfa --data /var/lib/outmode --since 7d
  outmode mfa --data /var/lib/outmode --gateway gateways.yaml --map people.csv --alias CONTOSO=contoso.com
  outmode mfa -c /etc/outmode/config.yaml --wap wap.csv
  outmode mfa --data /var/lib/outmode -o json | jq '.accounts[] | select(.mfa == "missing")'`,
		Args: atMost(0, "the store is named by --data DIR"),
		RunE: func(c *cobra.Command, _ []string) error { return f.runMFA(c.Context()) },
	}
	f.joinFlags(c)
	c.Flags().IntVar(&f.top, "top", 20, "how many accounts the table shows; 0 for all")
	f.given = c.Flags().Changed
	return c
}

// joinFlags are those of a command that joins what the store has of logons with what gateways and maps know of people.
func (f *mfaFlags) joinFlags(c *cobra.Command) {
	f.periodFlags(c)
	c.Flags().StringVar(&f.data, "data", "", "directory of the store")
	c.Flags().StringVar(&f.declare, "gateway", "", "YAML file that declares the gateways and what they protect, instead of gateways of the configuration")
	c.Flags().StringVar(&f.people, "map", "", "file that joins the names of one person, CSV or LDIF, instead of organisation.people of the configuration")
	c.Flags().StringSliceVar(&f.aliases, "alias", nil, "two names of one domain, as CONTOSO=contoso.com, beside organisation.aliases of the configuration")
	c.Flags().StringArrayVar(&f.wap, "wap", nil, "export of what Web Application Proxy publishes, instead of mfa.wap of the configuration; can be given several times")
}

func (f *mfaFlags) runMFA(ctx context.Context) error {
	if err := f.format("table", "json", "ndjson", "csv"); err != nil {
		return err
	}
	if _, err := f.options(); err != nil {
		return err
	}
	j, notes, err := f.told()
	if err != nil {
		return err
	}
	store, err := f.openStore(ctx, f.data, sqlite.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	collectForStore()
	var r *mfaReport
	correlate := func(each func(*audit.Verdict) error) error {
		return j.settled(func() error {
			r = newMFAReport(f, store.Dir())
			r.Notes, r.declared = append(r.Notes, notes...), len(j.Gateways) > 0
			to := each
			if to == nil {
				to = r.add
			}
			return store.MFA(ctx, func(v *sqlite.MFAView) error { return r.correlate(ctx, v, &j, to) })
		})
	}
	if f.output == "ndjson" { // what was printed cannot be taken back: first it must be known which clocks are wrong
		if err := correlate(func(*audit.Verdict) error { return nil }); err != nil {
			return err
		}
		e := newEncoder(f.out)
		return correlate(func(v *audit.Verdict) error { return e.Encode(logonOf(v)) })
	}
	if err := correlate(nil); err != nil {
		return err
	}
	switch f.output {
	case "json":
		return writeJSON(f.out, r)
	case "csv":
		return r.writeCSV(csv.NewWriter(f.out))
	}
	return r.writeTable(f.out, f.painter(), f.top, f.verbose)
}

// correlate hands each logon on, and makes the report.
func (r *mfaReport) correlate(ctx context.Context, v *sqlite.MFAView, j *joining, each func(*audit.Verdict) error) error {
	var failed error
	j.since, j.until = r.since, r.until
	r.aliases, j.Heard = j.known.Aliases, r.hear
	j.Judged = func(v *audit.Verdict) {
		if failed == nil {
			failed = each(v)
		}
	}
	gateways, err := j.run(ctx, v)
	if err != nil {
		return err
	}
	if r.since > 0 && r.since < j.kept {
		r.note("of the time before %s no hours are kept any more (retention.hours): nothing can be said of it", minute(j.kept))
	}
	if j.From >= j.To {
		r.note("the store has no logon and no event of that time%s", j.has())
		return nil
	}
	r.finish(&j.Setup, gateways)
	r.Notes = append(r.Notes, j.doubts()...)
	return failed
}

// An mfaLogon is a logon as programs read it.
type mfaLogon struct {
	Time    string          `json:"time"`
	Exact   bool            `json:"exact"` // to the second; else to the minute
	User    string          `json:"user"`  // the person, where that is certain
	Account string          `json:"account"`
	Server  string          `json:"server"`
	Entry   string          `json:"entry"`
	Network string          `json:"network"`
	Client  string          `json:"client"`
	Address string          `json:"address"`
	MFA     string          `json:"mfa"`
	Cause   string          `json:"cause"`
	Gateway string          `json:"gateway"`
	Reason  string          `json:"reason"`
	Doubt   string          `json:"doubt"`
	Event   json.RawMessage `json:"event"`
}

func logonOf(v *audit.Verdict) *mfaLogon {
	l := &mfaLogon{Time: rfc3339(v.Time), Exact: v.Exact, User: userOf(v), Account: v.Account, Server: v.Way.Server, Entry: v.Way.Entry.String(), Network: networkOf(v.Way.Internal), Client: v.Way.Client,
		MFA: v.MFA.String(), Cause: v.Cause.String(), Gateway: v.Gateway, Reason: v.Reason, Doubt: v.Doubt, Event: json.RawMessage("null")}
	l.Address = addressText(v.Address)
	if e := v.Event; e != nil {
		l.Event, _ = json.Marshal(struct {
			Time        string `json:"time"`
			User        string `json:"user"`
			Outcome     string `json:"outcome"`
			Factor      string `json:"factor"`
			Reason      string `json:"reason"`
			Transaction string `json:"transaction"`
			Application string `json:"application"`
			Address     string `json:"address"`
		}{rfc3339(e.Time), e.User, e.Outcome.String(), e.Factor, e.Reason, e.Transaction, e.Application, addressText(e.Address)})
	}
	return l
}

// addressText is an address, "" for none.
func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// userOf is the name of whoever logged on.
func userOf(v *audit.Verdict) string {
	if v.Person != nil {
		return v.Person.Name
	}
	return v.Account
}

func networkOf(internal bool) string {
	if internal {
		return "inside"
	}
	return "outside"
}
