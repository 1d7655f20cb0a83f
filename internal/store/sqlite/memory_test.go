package sqlite

import (
	"fmt"
	"testing"
	"time"
)

// A writer that remembers next to nothing, and one that begins anew in the middle, write what any other does.
func TestWritersRememberNothingThatMatters(t *testing.T) {
	t.Parallel()
	start := clock("2026-10-06 08:00")
	want := ""
	for _, c := range []struct {
		name   string
		cached int
		anew   bool
	}{{"remembers all", maxCached, false}, {"remembers little", 2, false}, {"begins anew", maxCached, true}} {
		k := keep(t, Retention{})
		k.write("proxy.LOG", keptProxyHead)
		k.write("web.log", keptIISHead)
		for part := range 4 {
			if c.anew || part == 0 {
				k.writer = nil
			}
			k.cached = c.cached
			for i := range 40 {
				at, user := start.Add(time.Duration(7*part+i)*13*time.Minute), fmt.Sprintf(`CONTOSO\user%02d`, (part+i*i)%23)
				k.write("proxy.LOG", proxied(at, user, fmt.Sprintf("tool/%d", i%3)))
				k.write("web.log", web(at.Add(72*time.Hour), user[8:]), refused(at, user[8:]), refused(at.Add(time.Minute), user[8:]))
			}
			k.read()
			k.settle()
		}
		got := k.text(`SELECT group_concat(line, char(10)) FROM (SELECT a.key || ' ' || u.protocol || ' ' || u.outcome || ' ' || u.count || ' ' || u.first || ' ' || u.last || ' ' || n.name AS line
			FROM usage u JOIN account a ON a.id = u.account JOIN client n ON n.id = u.client ORDER BY 1)`) +
			k.text("SELECT group_concat(line, char(10)) FROM (SELECT g.text || m.minute || ' ' || m.count AS line FROM minute m JOIN rule_group g ON g.id = m.\"group\" ORDER BY 1)") +
			k.text("SELECT group_concat(line, char(10)) FROM (SELECT hex(a.ip) || ' ' || sum(h.count) AS line FROM hour h JOIN address a ON a.id = h.address GROUP BY a.id ORDER BY 1)") +
			k.text("SELECT group_concat(line, char(10)) FROM (SELECT f.rule || f.subject || f.state || (SELECT count(*) FROM evidence e WHERE e.finding = f.id) AS line FROM finding f ORDER BY 1)")
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("a writer that %s wrote\n%s\nwant\n%s", c.name, got, want)
		}
		k.sound()
		_ = k.Close()
	}
}
