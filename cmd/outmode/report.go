package main

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"strings"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// A report is the answer of scan: what -o json prints, and what the table and the CSV are made of.
type report struct {
	Version  string       `json:"version"`
	Options  options      `json:"options"`
	Period   period       `json:"period"`
	Lines    signin.Lines `json:"lines"`
	SignIns  signIns      `json:"signins"`
	Findings []finding    `json:"findings"`
	Accounts []account    `json:"accounts"`
	Usage    []usage      `json:"usage"`
	Coverage []coverage   `json:"coverage"`
	Servers  []folder     `json:"servers"` // whose logs the folders are that do not say so
	Noise    []cause      `json:"noise"`   // by reason
	Other    []cause      `json:"other"`
	Sources  []source     `json:"sources"`
	Broken   []broken     `json:"broken_rules"`
	Notes    []string     `json:"notes"`

	opened     map[string]string // by the id of a finding of a sequence: the account that was let in
	paths      []string
	store      string // directory of the store that the report is of, "" for none
	people     people
	rows       []signin.Usage
	found      []rules.Finding
	kept       map[string][]evidence // by the id of a finding of which only the store has the lines
	logs       []ingest.Log
	incomplete bool
	ruleCount  int
	citations  func(refs []signin.Ref) map[signin.Ref]*signin.Citation
}

// options are the flags that change what is counted: a filtered report must say that it is one.
type options struct {
	Since         string   `json:"since"` // the first instant that counts
	Until         string   `json:"until"` // the first that counts no more
	Exclude       []string `json:"exclude"`
	Service       []string `json:"service"`
	Internal      []string `json:"internal"`
	Servers       []string `json:"servers"`
	PublishedApps []string `json:"published_apps"`
	Rules         []string `json:"rules"`
	NoBuiltin     bool     `json:"no_builtin"`
}

type period struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type signIns struct {
	Lines     int64 `json:"lines"`
	Counted   int64 `json:"counted"`
	ToldTwice int64 `json:"told_twice"`
	Waiting   int64 `json:"waiting"` // of a store: it is not known yet whether another log tells them too
}

type usage struct {
	Server    string   `json:"server"`
	Dataset   string   `json:"dataset"`
	User      string   `json:"user"`
	Protocol  string   `json:"protocol"`
	Auth      string   `json:"auth"`
	Mechanism string   `json:"mechanism"`
	Outcome   string   `json:"outcome"`
	Evidence  string   `json:"evidence"`
	Traffic   string   `json:"traffic"`
	Client    string   `json:"client"`
	Internal  bool     `json:"internal"`
	Backend   bool     `json:"backend"`
	Count     int64    `json:"count"`
	First     string   `json:"first"`
	Last      string   `json:"last"`
	Days      int      `json:"days"`
	Addresses []string `json:"addresses"`

	LegacyEXO    bool `json:"legacy_exo"`
	LegacyOnPrem bool `json:"legacy_onprem"`
}

// An account is one identity as logged that signed in; a refused name is a victim and not here.
type account struct {
	User         string   `json:"user"`
	Forms        []string `json:"forms"`
	Traffic      string   `json:"traffic"`
	Protocols    []string `json:"protocols"`
	Auths        []string `json:"auths"`
	Clients      []string `json:"clients"`
	LegacyEXO    bool     `json:"legacy_exo"`
	LegacyOnPrem bool     `json:"legacy_onprem"`
	Count        int64    `json:"count"`
	First        string   `json:"first"`
	Last         string   `json:"last"`
}

type coverage struct {
	Server   string `json:"server"`
	Kind     string `json:"kind"`
	From     string `json:"from"`
	To       string `json:"to"`
	Complete bool   `json:"complete"`
	Gaps     []gap  `json:"gaps"`
}

type gap struct {
	From   string `json:"from"` // of event time; "" for not known
	To     string `json:"to"`
	Reason string `json:"reason"`
}

type folder struct {
	Folder string `json:"folder"`
	Server string `json:"server"`
	How    string `json:"how"`
}

type cause struct {
	Reason string `json:"reason"`
	Lines  int64  `json:"lines"`
}

type source struct {
	Path       string       `json:"path"`
	Kind       string       `json:"kind"`
	Server     string       `json:"server"`
	Size       int64        `json:"size"`
	Offset     int64        `json:"offset"`
	State      string       `json:"state"`
	Why        string       `json:"why,omitempty"`
	Lines      signin.Lines `json:"lines"`
	FirstEvent string       `json:"first_event"`
	LastEvent  string       `json:"last_event"`
	Gaps       []gap        `json:"gaps"`
	Malformed  []cause      `json:"malformed,omitempty"`
}

type broken struct {
	Rule  string `json:"rule"`
	Count int64  `json:"count"`
	Error string `json:"error"`
}

// A finding is a rule's, with the lines that show it.
type finding struct {
	rules.Finding
	Evidence []evidence `json:"evidence"`
}

type evidence struct {
	File   string          `json:"file"`
	Offset int64           `json:"offset"`
	Length int             `json:"length"`
	SHA256 string          `json:"sha256"`
	Line   int64           `json:"line"`
	SignIn json.RawMessage `json:"signin"`
}

// malformedShare is the share of malformed lines beyond which a log counts as not understood.
const malformedShare = 0.01

func newReport(res *ingest.Result, problems []tail.Problem, set *rules.Set, f *scanFlags, paths []string) *report {
	r := &report{Version: version(), Options: f.said(), paths: paths, logs: res.Logs, rows: res.Usage, Lines: res.Lines, SignIns: signIns{res.Lines.SignIn, res.Counted, res.ToldTwice, res.Waiting},
		Noise: causes(res.Noise), Other: causes(res.Other), Servers: []folder{}, Broken: []broken{}, Notes: []string{}, kept: map[string][]evidence{}, ruleCount: set.Len(), citations: res.Cite}
	r.people = newPeople(res.Usage)
	r.addFindings(res, set)
	r.addSources(res, problems)
	r.addCoverage(res)
	r.addNotes(res, problems, f)
	return r
}

func causes(cs ingest.Causes) []cause {
	out := []cause{}
	for _, c := range cs {
		out = append(out, cause{c.Reason, c.Lines})
	}
	return out
}

func (r *report) addFindings(res *ingest.Result, set *rules.Set) {
	r.found = set.Findings(observed(res))
	r.addBroken(set.Broken())
}

func (r *report) addBroken(all []rules.Broken) {
	for _, b := range all {
		r.Broken = append(r.Broken, broken{b.Rule, b.Count, b.Error})
	}
}

// cite adds to the findings the lines that show them, which takes a second look at the logs or into the store.
func (r *report) cite() {
	var refs []signin.Ref
	for _, f := range r.found {
		refs = append(refs, f.Evidence...)
	}
	cited := r.citations(refs)
	r.Findings = []finding{}
	for _, f := range r.found {
		out := finding{Finding: f, Evidence: append([]evidence{}, r.kept[f.ID]...)}
		for _, ref := range f.Evidence {
			e := evidence{File: r.logs[ref.File].Input.Path, Offset: ref.Offset, Length: ref.Length, Line: ref.Line}
			if c := cited[ref]; c != nil {
				e.SHA256, e.SignIn = hex.EncodeToString(c.SHA256[:]), c.Document
			}
			out.Evidence = append(out.Evidence, e)
		}
		r.Findings = append(r.Findings, out)
	}
}

// letIn looks up whom the last step of a sequence let in, where the finding does not name accounts.
func (r *report) letIn(set *rules.Set) {
	sequences := map[string]bool{}
	for _, rule := range set.Rules() {
		sequences[rule.ID] = rule.Type == rules.Sequence && !slices.Contains(rule.GroupBy, "user")
	}
	var refs []signin.Ref
	for _, f := range r.found {
		if n := len(f.Evidence); sequences[f.Rule] && n > 0 {
			refs = append(refs, f.Evidence[n-1])
		}
	}
	if len(refs) == 0 {
		return
	}
	r.opened = map[string]string{}
	cited := r.citations(refs)
	for _, f := range r.found {
		if n := len(f.Evidence); sequences[f.Rule] && n > 0 && cited[f.Evidence[n-1]] != nil {
			r.opened[f.ID] = accountOf(cited[f.Evidence[n-1]].Document)
		}
	}
}

// accountOf is the account of a sign-in's document, as findings name it.
func accountOf(document []byte) string {
	var d struct {
		User struct{ Name, Domain, Email string }
	}
	switch err := json.Unmarshal(document, &d); {
	case err != nil:
		return ""
	case d.User.Email != "":
		return d.User.Email
	case d.User.Domain != "":
		return d.User.Domain + `\` + d.User.Name
	}
	return d.User.Name
}

func (r *report) addSources(res *ingest.Result, problems []tail.Problem) {
	r.Sources = []source{}
	var first, last int64
	for i := range res.Logs {
		l := &res.Logs[i]
		s := source{Path: l.Input.Path, Kind: l.Format.Kind.String(), Server: l.Server, Size: l.Input.Size, Offset: l.Offset,
			State: string(l.State), Why: l.Why, Lines: l.Lines, FirstEvent: rfc3339(l.First), LastEvent: rfc3339(l.Last), Gaps: []gap{}}
		if l.Err != nil {
			s.Why = l.Err.Error()
			s.Gaps = append(s.Gaps, gap{rfc3339(l.Last), "", unreadFrom(s.Path, l.Offset, s.Why)})
			r.incomplete = true
		}
		for _, c := range l.Causes {
			s.Malformed = append(s.Malformed, cause(c))
		}
		if float64(l.Lines.Malformed) > malformedShare*float64(l.Lines.Total) {
			r.incomplete = true
		}
		if l.First != 0 && (first == 0 || l.First < first) {
			first = l.First
		}
		last = max(last, l.Last)
		r.Sources = append(r.Sources, s)
	}
	for _, p := range problems {
		if p.Severity != tail.Note {
			r.incomplete = true
			if slices.ContainsFunc(r.Sources, func(s source) bool { return s.Path == p.Path }) {
				continue // the store has it
			}
			r.Sources = append(r.Sources, source{Path: p.Path, Kind: signin.UnknownKind.String(), State: string(ingest.Unreadable), Why: string(p.Reason), Gaps: []gap{}})
		}
	}
	slices.SortStableFunc(r.Sources, func(a, b source) int { return strings.Compare(a.Path, b.Path) })
	r.Period = period{rfc3339(first), rfc3339(last)}
}

func (r *report) addCoverage(res *ingest.Result) {
	r.Coverage = coverageOf(res.Coverage)
	for _, f := range res.Folders {
		r.Servers = append(r.Servers, folder{f.Path, f.Server, f.How})
	}
}

// coverageOf is coverage as programs read it: hours in which only the other log of a server was heard are gaps, too.
func coverageOf(all []ingest.Coverage) []coverage {
	list := []coverage{}
	for i := range all {
		c := &all[i]
		out := coverage{Server: c.Server, Kind: c.Kind.String(), From: rfc3339(c.From), To: rfc3339(c.To), Complete: c.Complete, Gaps: []gap{}}
		for _, g := range allGaps(c, twin(all, c)) {
			out.Gaps = append(out.Gaps, gap{rfc3339(g.From), rfc3339(g.To), g.Reason})
			out.Complete = false
		}
		list = append(list, out)
	}
	return list
}

func (r *report) writeJSON(w io.Writer) error {
	r.cite()
	r.Accounts, r.Usage = r.people.list(), usageRows(r.rows)
	return writeJSON(w, r)
}
