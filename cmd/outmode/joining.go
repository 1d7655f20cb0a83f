package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/store/sqlite"
	"github.com/outmode/outmode/rules"
)

// A joining joins the logons of a store with the events of gateways.
type joining struct {
	audit.Setup  // what it finds in the store is filled in
	known        audit.Known
	fresh        func()                       // called before logons are judged, nil for nothing
	since, until int64                        // Unix milliseconds; 0 for all that is kept
	kept         int64                        // what is older is not kept any more
	spans        [2]int64                     // of all that the store has; nothing if they are equal
	knows        func(*audit.Person) []string // the gateways that ever told of somebody; nil until it ran
	unpaired     int64                        // how often the store left out who is who, since it knew too much of that
}

// errClocks: a clock turned out to be wrong by more than its window allows, which is in the Setup now. What was judged does
// not hold.
var errClocks = errors.New("a clock of a gateway is wrong")

// settled does what runs the joining, and does it again from the start if only then it is known which clocks are wrong.
func (j *joining) settled(do func() error) error {
	err := do()
	if errors.Is(err, errClocks) {
		err = do()
	}
	return err
}

// identify makes people of the texts that the store and the map have for them.
func (j *joining) identify(ctx context.Context, v *sqlite.MFAView) (err error) {
	if j.Identities != nil {
		return nil
	}
	if j.known.Proven, err = v.Proven(ctx); err != nil {
		return err
	}
	if j.known.Pairs, j.unpaired, err = v.Pairs(ctx); err != nil {
		return err
	}
	j.Identities = audit.NewIdentities(j.known)
	return nil
}

// doubts says where what lines prove of who is who contradicts, and that some of it was left out.
func (j *joining) doubts() (notes []string) {
	if j.Identities == nil {
		return nil
	}
	if all := j.Identities.Contradictions(); len(all) > 0 {
		var names []string
		for _, c := range all {
			names = append(names, c.Text)
		}
		notes = append(notes, fmt.Sprintf("logs contradict: lines name %s together with several people, or with others than the map does, and join nobody by that (%s). \"outmode users\" lists them; a map of people can tell whose they are",
			plural(len(all), "name"), some(names)))
	}
	if j.unpaired > 0 {
		notes = append(notes, fmt.Sprintf("the store keeps no more than it does of which names are one person's: lines that say so were left out %s", plural(j.unpaired, "time")))
	}
	return notes
}

// run asks the store hour by hour, so that the memory of it does not depend on the period. From and To are then those
// that were judged: nothing if To is not behind From. It is to be run by settled.
func (j *joining) run(ctx context.Context, v *sqlite.MFAView) ([]audit.GatewayReport, error) {
	from, to, err := v.Span(ctx)
	if err != nil {
		return nil, err
	}
	if j.kept, err = v.KeptFrom(ctx); err != nil {
		return nil, err
	}
	j.spans = [2]int64{from, to}
	if j.From, j.To = max(from, j.since, j.kept), to; j.until > 0 {
		j.To = min(j.To, j.until)
	}
	if j.From >= j.To {
		return nil, nil
	}
	if err := j.identify(ctx, v); err != nil {
		return nil, err
	}
	told, err := v.Told(ctx, (j.From/dayMs-audit.HabitDays)*dayMs, (j.To/dayMs+1+audit.HabitDays)*dayMs)
	if err != nil {
		return nil, err
	}
	j.Sources, j.Seen, j.Passes, j.Habits = told.Sources, told.Seen, told.Passes, told.Habits
	if j.Sessions, err = v.Sessions(ctx); err != nil {
		return nil, err
	}
	if j.Trusts, err = v.Trusts(ctx); err != nil {
		return nil, err
	}
	if j.Blind, err = v.Blind(ctx); err != nil {
		return nil, err
	}
	c := audit.NewCorrelator(j.Setup)
	j.knows = c.Knows
	before, after := c.Margin()
	for hour := max(from, j.From-before) / hourMs; hour*hourMs < min(to, j.To+after); hour++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		h, err := v.Hour(ctx, hour)
		if err != nil {
			return nil, err
		}
		c.Feed(h)
	}
	gateways := c.Close()
	if j.Clocks == nil {
		if j.Clocks = c.Clocks(); len(j.Clocks) > 0 {
			return nil, errClocks
		}
	}
	return gateways, nil
}

// joinInto judges the logons and events of a store by the rules that read mfa, as far as that is due, and keeps what they
// find. It is for whoever commits to the store.
func joinInto(ctx context.Context, store *sqlite.Store, set *rules.Set, j joining) ([]rules.Broken, error) {
	due, err := store.BeginJoin(ctx, j.name(set))
	if err != nil || !due {
		return nil, err
	}
	found, broken, err := j.judge(ctx, store, set)
	if err != nil {
		return nil, err
	}
	return broken, store.SetJoined(ctx, found)
}

// name tells apart joinings by which other things may be found in the same logons.
func (j *joining) name(set *rules.Set) string {
	h := sha256.New()
	fmt.Fprint(h, version(), set.RecordRules(), j.Gateways, j.Proxied, j.known.People, j.known.Aliases, j.Inside)
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// has says of which time the store has logons and events.
func (j *joining) has() string {
	if j.spans[0] >= j.spans[1] {
		return ", nor of any other"
	}
	return ": it has " + minute(j.spans[0]) + " to " + minute(j.spans[1]) + " UTC"
}

// judge returns what the rules that read mfa find, and which of them failed.
func (j *joining) judge(ctx context.Context, store *sqlite.Store, set *rules.Set) (*sqlite.Joined, []rules.Broken, error) {
	name := j.name(set)
	var judge *rules.RecordJudge
	err := j.settled(func() error {
		judge = set.NewRecordJudge()
		j.Record = judge.Take
		if j.fresh != nil {
			j.fresh()
		}
		return store.MFA(ctx, func(v *sqlite.MFAView) error {
			_, err := j.run(ctx, v)
			return err
		})
	})
	if err != nil {
		return nil, nil, fmt.Errorf("joining logons with what gateways logged: %w", err)
	}
	minutes, lost := judge.Minutes()
	return &sqlite.Joined{From: j.From, To: max(j.To, j.From), Minutes: minutes, Lost: lost, With: name}, judge.Broken(), nil
}

// tellsOfFactors reports whether a log of a gateway was read.
func tellsOfFactors(res *ingest.Result) bool {
	return slices.ContainsFunc(res.Logs, func(l ingest.Log) bool { return l.State == ingest.Read && l.Format.Kind.Gateway() })
}

// joinScan adds to what a scan found what the rules that read mfa find, and lets its documents say what the gateways do.
// For that the logs are read into a store that is thrown away: joining needs hours, and a scan keeps none.
func joinScan(ctx context.Context, inputs []tail.Input, opt ingest.Options, set *rules.Set, with joining, res *ingest.Result, documents bool) (broken []rules.Broken, err error) {
	dir, err := os.MkdirTemp("", "outmode-scan-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for what is joined: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	store, err := sqlite.Open(ctx, dir, sqlite.Options{Create: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	with.since, with.until = opt.Since, opt.Until
	opt.NewJudge, opt.Window, opt.Watch, opt.Since, opt.Until = nil, nil, nil, 0, 0
	if _, err := fillOnce(ctx, store, inputs, nil, opt); err != nil {
		return nil, err
	}
	var words *mfaWords
	if documents {
		with.fresh = func() {
			words = newMFAWords()
			with.Judged = words.add
		}
	}
	found, broken, err := with.judge(ctx, store, set)
	if err != nil {
		return nil, err
	}
	if documents && with.Identities != nil {
		words.know(res.Usage, with.Identities)
		res.SayMFA(words.of)
	}
	minutes := found.Minutes
	known, err := store.Known(ctx)
	if err != nil {
		return nil, err
	}
	paths, at := map[int]string{}, map[string]int{}
	for _, src := range known.Sources {
		paths[int(src.ID)] = src.Path
	}
	for i := range res.Logs {
		at[res.Logs[i].Input.Path] = i
	}
	for i := range minutes {
		minutes[i].At.File = at[paths[minutes[i].At.File]]
	}
	res.Minutes = append(res.Minutes, minutes...)
	return broken, nil
}

// fillOnce reads logs into a store that holds nothing else, or goes on where it was. What its findings cite is not read
// yet: see Pipeline.Review.
func fillOnce(ctx context.Context, store *sqlite.Store, inputs []tail.Input, problems []tail.Problem, opt ingest.Options) (*ingest.Pipeline, error) {
	p, err := ingest.OpenPipeline(ctx, store, opt)
	if err != nil {
		return nil, err
	}
	if err := p.Recall(ctx, store); err != nil {
		return nil, err
	}
	if err := p.Meet(ctx, inputs); err != nil {
		return nil, fmt.Errorf("scan was stopped: %w", err)
	}
	if err := p.Trouble(ctx, problems); err != nil {
		return nil, err
	}
	if err := p.Fill(ctx); err != nil {
		return nil, fmt.Errorf("scan was stopped; what was committed stays, and the same command goes on from there: %w", err)
	}
	return p, store.Settle(ctx, time.UnixMilli(math.MaxInt64))
}
