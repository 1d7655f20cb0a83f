package sqlite

import (
	"context"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// A workday is what one account does in a day, as a server of 2,000 accounts is used: Outlook for ten hours, a phone
// day and night from two addresses, the browser now and then; HttpProxy tells it, and IIS tells it again.
func workday(day int64, users int, accounts []*signin.Account) []*ingest.Batch {
	type habit struct {
		protocol     signin.Protocol
		auth         signin.Auth
		client       string
		hours, first int
	}
	habits := []habit{{signin.MAPI, signin.NTLM, "Outlook", 10, 8}, {signin.EWS, signin.NTLM, "Outlook", 10, 8}, {signin.ActiveSync, signin.Basic, "Apple Mail", 24, 0}, {signin.OWA, signin.Forms, "browser", 2, 9}}
	keys := map[[3]int]*ingest.Key{}
	var batches []*ingest.Batch
	for hour := range 24 {
		for log, kind := range []signin.Kind{signin.HTTPProxy, signin.IIS} {
			at := (day*24 + int64(hour)) * hourMs
			b := &ingest.Batch{Log: int64(log + 1), First: at, Last: at + hourMs - 1}
			for n, h := range habits {
				if hour < h.first || hour >= h.first+h.hours {
					continue
				}
				b.Heard = append(b.Heard, ingest.Hearing{Voice: ingest.Voice{Server: "EX01", Kind: kind, Protocol: h.protocol, Hour: int32(day*24) + int32(hour)}, First: at, Last: at + hourMs - 1})
				for u := range users {
					k := keys[[3]int{log, n, u}]
					if k == nil {
						k = &ingest.Key{Server: "EX01", Account: accounts[u], Client: h.client, Kind: kind, Protocol: h.protocol, Auth: h.auth, Outcome: signin.Success, Evidence: signin.Proven, Weak: kind == signin.IIS}
						if k.Weak {
							k.Auth, k.Evidence = signin.UnknownAuth, signin.Inferred
						}
						keys[[3]int{log, n, u}] = k
					}
					place := uint32(0x0a000000 + u) // at a desk
					if h.protocol == signin.ActiveSync && (hour < 8 || hour >= 18) {
						place = 0x50000000 + uint32(u)*8 + uint32(day%8) // on the way
					}
					var ip [4]byte
					binary.BigEndian.PutUint32(ip[:], place)
					b.Rows = append(b.Rows, ingest.HourRow{Key: k, Hour: int32(day*24) + int32(hour), Address: netip.AddrFrom4(ip), Count: int64(20 + u%40), First: at + int64(u), Last: at + hourMs - 1 - int64(u), Minutes: 0x0fff_ffff_ffff})
				}
			}
			batches = append(batches, b)
		}
	}
	return batches
}

// BenchmarkDay reports what an account costs on disk: while hours are kept, when only its days are, and how long
// committing its day and dropping its hours take.
func BenchmarkDay(b *testing.B) {
	users := 2000
	if testing.Short() {
		users = 100
	}
	accounts := make([]*signin.Account, users)
	for u := range accounts {
		name := "user" + string(rune('a'+u%26)) + string(rune('a'+u/26%26)) + string(rune('a'+u/676))
		accounts[u] = &signin.Account{Key: `contoso\` + name, Name: name, Domain: "contoso"}
	}
	for b.Loop() {
		k := keep(b, Retention{})
		first := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC).UnixMilli() / dayMs
		used := func() float64 {
			return float64((k.n("PRAGMA page_count") - k.n("PRAGMA freelist_count")) * k.n("PRAGMA page_size"))
		}
		offsets := map[int64]int64{}
		start := time.Now()
		var size [5]float64
		for d := range size {
			for _, batch := range workday(first+int64(d), users, accounts) {
				batch.From, batch.To = offsets[batch.Log], offsets[batch.Log]+1
				batch.Range = batch.From
				offsets[batch.Log]++
				src := &ingest.Source{ID: batch.Log, Path: "log", Kind: signin.IIS, State: ingest.Read, Offset: batch.To}
				if err := k.Commit(context.Background(), &ingest.Commit{Sources: []*ingest.Source{src}, Batches: []*ingest.Batch{batch}}); err != nil {
					b.Fatal(err)
				}
			}
			size[d] = used()
		}
		b.ReportMetric(time.Since(start).Seconds()/float64(len(size)), "s/commit-of-a-day")
		b.ReportMetric((size[4]-size[0])/4/float64(users), "hours-B/user/day")
		before := used()
		k.opt.Retention.Hours = time.Hour
		k.clock = time.UnixMilli((first + int64(len(size))) * dayMs)
		rows := k.n("SELECT count(*) FROM hour WHERE hour < ?", (first+4)*24)
		start = time.Now()
		var longest time.Duration
		steps := 0
		for done := false; !done; steps++ {
			step := time.Now()
			var err error
			if done, err = k.Prune(context.Background(), k.clock); err != nil {
				b.Fatal(err)
			}
			longest = max(longest, time.Since(step))
		}
		b.ReportMetric(float64(rows)/4/float64(users), "hour-rows/user/day")
		b.ReportMetric(time.Since(start).Seconds()*1000/float64(steps), "ms/prune-step")
		b.ReportMetric(float64(longest.Milliseconds()), "ms/longest-step")
		b.ReportMetric((size[4]-size[0]-before+used())/4/float64(users), "days-B/user/day")
	}
}
