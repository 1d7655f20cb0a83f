package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// catchUp measures how much longer a backlog takes that is committed to a store.
func catchUp(ctx context.Context, b *bench) error {
	var errs []error
	for _, kind := range []string{"iis", "httpproxy"} {
		log, err := b.big(ctx, kind, b.mib)
		if err != nil {
			return err
		}
		data := filepath.Join(b.dir, "store")
		errs = append(errs, b.storeAgainstScan(ctx, "P8 "+kind+" scan --data / scan", log, data, "", 2.5))
		errs = append(errs, b.storeAgainstScan(ctx, "P8 the same, older than the hour rows", log, data, today(b), 1.5))
	}
	return errors.Join(errs...)
}

// today writes a log of one line of now: what is 35 days older than it has no hour rows.
func today(b *bench) string {
	file := filepath.Join(b.dir, "today.log")
	line := time.Now().UTC().Format("2006-01-02T15:04:05.000Z") + ",Ews,CONTOSO\\today,true,Basic,198.51.100.1\r\n"
	if os.WriteFile(file, []byte("#Fields: DateTime,Protocol,AuthenticatedUser,IsAuthenticated,AuthenticationType,ClientIpAddress\r\n"+line), 0o644) != nil {
		return ""
	}
	return file
}

func (b *bench) storeAgainstScan(ctx context.Context, name, log, data, before string, goal float64) error {
	fresh := "rm -rf " + data + " && "
	if before != "" {
		fresh += fmt.Sprintf("%s scan --data %s %s >/dev/null && ", b.outmode, data, before)
	}
	ratio, with, without, err := b.pair(ctx, []string{"sh", "-c", fresh + fmt.Sprintf("exec %s scan --data %s %s", b.outmode, data, log)}, b.scan(log))
	if err != nil {
		return err
	}
	size := int64(0)
	if fi, err := os.Stat(filepath.Join(data, "outmode.db")); err == nil {
		size = fi.Size()
	}
	b.row(name, fmt.Sprintf("%.2f x (%.2f s / %.2f s), store %d MiB", ratio, with.Seconds(), without.Seconds(), size>>20), fmt.Sprintf("%.1f x", goal), ratio <= goal)
	return nil
}

// liveLatency measures how long after a line is flushed its finding is committed: the benchmark beside the store does.
func liveLatency(ctx context.Context, b *bench) error {
	all, err := goBench(ctx, "./internal/store/sqlite", "^BenchmarkLive$", "1x")
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		f := all[name]
		b.row("P9 "+strings.ReplaceAll(strings.TrimPrefix(name, "Live/"), "-", " "), fmt.Sprintf("p50 %.1f ms, p99 %.1f ms, %.0f %% of a core", f["p50-ms"], f["p99-ms"], f["cpu-%"]), "p99 20 ms", f["p99-ms"] <= 20)
	}
	return nil
}

// correlation measures what it costs to join a day of sign-ins with what gateways told, and two.
func correlation(ctx context.Context, b *bench) error {
	all, err := goBench(ctx, "./internal/store/sqlite", "^BenchmarkMFA$", "3x")
	if err != nil {
		return err
	}
	one, two := all["MFA/days=1"]["cpu-s/op"], all["MFA/days=2"]["cpu-s/op"]
	if one == 0 {
		return errors.New("no figure of the benchmark of correlation")
	}
	b.row("P11 correlating a day, CPU", fmt.Sprintf("%.1f s", one), "3 s", one < 3)
	b.row("P11 two days against one", fmt.Sprintf("%.2f x", two/one), "2.2 x", two/one <= 2.2)
	return nil
}
