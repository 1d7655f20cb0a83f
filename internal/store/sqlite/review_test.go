package sqlite

import (
	"context"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// A process that goes on and on finds the later steps of a sequence also in logs that come days late, whether it met the
// first steps when they were days old already, has gone on for days since, or knew others before and behind them.
func TestLaterStepsOfThePast(t *testing.T) {
	t.Parallel()
	at := clock("2026-10-09 08:00")
	guessed := func(days int) string {
		return refused(at.AddDate(0, 0, days), "anna") + refused(at.AddDate(0, 0, days).Add(time.Minute), "anna")
	}
	const guesses, success = "u_ex.log", "z.LOG"
	for name, c := range map[string]struct {
		rounds [][2]string // each is read at once
		want   string
	}{
		"met late":       {[][2]string{{guesses, guessed(0) + probe(at.AddDate(0, 0, 6))}, {success, ""}}, "120 212 346"},
		"met in time":    {[][2]string{{guesses, guessed(0)}, {guesses, probe(at.AddDate(0, 0, 3))}, {guesses, probe(at.AddDate(0, 0, 6))}, {success, ""}}, "120 212 346"},
		"between others": {[][2]string{{"behind.log", keptIISHead + guessed(4)}, {"before.log", keptIISHead + guessed(-2)}, {guesses, guessed(0)}, {success, ""}}, "120 212 346"},
		"all at once":    {[][2]string{{"behind.log", keptIISHead + guessed(4)}, {"before.log", keptIISHead + guessed(-2)}, {guesses, guessed(0) + web(at.Add(time.Hour), "anna")}}, "120 212 304"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := keep(t, Retention{})
			k.judgeBy("id: T-13\nname: guessed\nseverity: high\ntype: sequence\nwindow: 4h\nthreshold: 2\nsteps:\n  - outcome == \"failure\" && user != \"\"\n  - outcome == \"success\"\n")
			k.write(guesses, keptIISHead)
			k.write(success, keptProxyHead, proxied(at.AddDate(0, 0, -3), `CONTOSO\ben`, "curl/8"))
			read := k.follow()
			for _, r := range c.rounds {
				if r[0] == success {
					r[1] = proxied(at.Add(time.Hour), `CONTOSO\anna`, "curl/8")
				}
				k.write(r[0], r[1])
				read()
			}
			k.settle()
			if got := k.found(); got != `T-13 contoso\anna open cites `+c.want {
				t.Error(got)
			}
			k.sound()
		})
	}
}

// follow returns what reads all that is new, as one process.
func (k *kept) follow() (read func()) {
	k.t.Helper()
	ctx, set := context.Background(), k.opt.Rules
	p, err := ingest.OpenPipeline(ctx, k, ingest.Options{Recognize: exchange.Recognize, Workers: 1, NewJudge: func() ingest.Judge { return set.NewJudge() }, Window: set.Window,
		Watch: func(first []signin.Minute, open bool) ingest.Watch {
			w := set.Watch(first)
			if w == nil {
				return nil
			}
			if open {
				w.Open()
			}
			return w
		}})
	if err == nil {
		err = p.Recall(ctx, k)
	}
	if err != nil {
		k.t.Fatal(err)
	}
	return func() {
		k.t.Helper()
		inputs, _ := tail.Find([]string{k.logs}, tail.FindOptions{})
		for _, err := range []error{p.Meet(ctx, inputs), p.Fill(ctx), p.Review(ctx, k)} {
			if err != nil {
				k.t.Fatal(err)
			}
		}
	}
}
