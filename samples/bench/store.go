package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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
	c := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkLive$", "-benchtime", "1x", "./internal/store/sqlite")
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return fmt.Errorf("the live benchmark: %w: %s", err, out)
	}
	for sc := bufio.NewScanner(bytes.NewReader(out)); sc.Scan(); {
		name, rest, ok := strings.Cut(strings.TrimPrefix(sc.Text(), "BenchmarkLive/"), "\t")
		if !ok || name == sc.Text() {
			continue
		}
		figures := map[string]float64{}
		for _, f := range strings.Split(rest, "\t") {
			if v, unit, ok := strings.Cut(strings.TrimSpace(f), " "); ok {
				figures[unit], _ = strconv.ParseFloat(v, 64)
			}
		}
		name = strings.ReplaceAll(strings.TrimSuffix(strings.TrimSpace(name), "-2"), "-", " ")
		b.row("P9 "+name, fmt.Sprintf("p50 %.1f ms, p99 %.1f ms, %.0f %% of a core", figures["p50-ms"], figures["p99-ms"], figures["cpu-%"]), "p99 20 ms", figures["p99-ms"] <= 20)
	}
	return nil
}
