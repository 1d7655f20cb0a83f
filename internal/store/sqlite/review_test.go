package sqlite

import (
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// A process that goes on and on finds the later steps of a sequence also in logs that come days late, whether it met the
// first steps when they were days old already, or has gone on for days since.
func TestLaterStepsOfThePast(t *testing.T) {
	t.Parallel()
	for _, met := range []string{"late", "in time"} {
		k := keep(t, Retention{})
		k.judgeBy("id: T-13\nname: guessed\nseverity: high\ntype: sequence\nwindow: 4h\nthreshold: 2\nsteps:\n  - outcome == \"failure\" && user != \"\"\n  - outcome == \"success\"\n")
		set := k.opt.Rules
		ctx := t.Context()
		p, err := ingest.OpenPipeline(ctx, k, ingest.Options{Recognize: exchange.Recognize, Workers: 1, NewJudge: func() ingest.Judge { return set.NewJudge() }, Window: set.Window,
			Watch: func(first []signin.Minute, open bool) ingest.Watch {
				if w := set.Watch(first); w != nil {
					return w
				}
				return nil
			}})
		if err == nil {
			err = p.Recall(ctx, k)
		}
		if err != nil {
			t.Fatal(err)
		}
		read := func() {
			t.Helper()
			inputs, _ := tail.Find([]string{k.logs}, tail.FindOptions{})
			for _, err := range []error{p.Meet(ctx, inputs), p.Fill(ctx), p.Review(ctx, k)} {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		at := clock("2026-10-09 08:00")
		k.write("u_ex.log", keptIISHead, refused(at, "anna"), refused(at.Add(time.Minute), "anna"))
		if met == "in time" {
			read()
		}
		for day := range 6 {
			k.write("u_ex.log", probe(at.AddDate(0, 0, day)))
			if met == "in time" {
				read()
			}
		}
		read()
		k.write("late.LOG", keptProxyHead, proxied(at.Add(time.Hour), `CONTOSO\anna`, "curl/8"))
		read()
		if got := k.found(); got != `T-13 contoso\anna open cites 195 120 212` {
			t.Errorf("first steps that were met %s: %q", met, got)
		}
	}
}
