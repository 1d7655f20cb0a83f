package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

func measurements() []measurement {
	return []measurement{
		{"P1", func(ctx context.Context, b *bench) error {
			return errors.Join(b.againstWC(ctx, "P1 iis scan / wc -l", "iis", serverUsers, 5),
				b.againstWC(ctx, "P1 the same, 20,000 accounts", "iis", crowdUsers, 5))
		}},
		{"P2", func(ctx context.Context, b *bench) error {
			return errors.Join(b.againstWC(ctx, "P2 httpproxy scan / wc -l", "httpproxy", serverUsers, 4),
				b.againstWC(ctx, "P2 the same, 20,000 accounts", "httpproxy", crowdUsers, 4))
		}},
		{"P3", rules200},
		{"P4", memory},
		{"P5", workers},
		{"P6", smallFiles},
		{"P7", gzipped},
		{"P8", catchUp},
		{"P9", liveLatency},
		{"P10", decoders},
		{"P11", correlation},
		{"P15", startUp},
		{"scale", scale},
	}
}

// A server holds some thousand mailboxes. Twenty thousand are the logs of a site at once: nearly every line touches a row
// that is in no cache.
const (
	serverUsers = 5000
	crowdUsers  = 20_000
)

// A usage is what one run of a command took.
type usage struct {
	wall, cpu time.Duration
	peak      int64 // bytes resident
	sum       [sha256.Size]byte
}

// once runs a command, its output read and hashed. Exit codes 3 and 4 are answers, not failures.
func once(ctx context.Context, args ...string) (usage, error) {
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	h := sha256.New()
	var stderr bytes.Buffer
	c.Stdout, c.Stderr = h, &stderr
	start := time.Now()
	err := c.Run()
	u := usage{wall: time.Since(start)}
	if code := c.ProcessState.ExitCode(); err != nil && code != 3 && code != 4 {
		return u, fmt.Errorf("%v: %w: %s", args, err, stderr.Bytes())
	}
	u.cpu = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	if r, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.peak = r.Maxrss * 1024
	}
	h.Sum(u.sum[:0])
	return u, nil
}

// pair runs two commands in turn and returns the median of the ratios of their wall times, and the
// medians themselves.
func (b *bench) pair(ctx context.Context, a, c []string) (ratio float64, ma, mc time.Duration, err error) {
	var ratios []float64
	var as, cs []time.Duration
	for i := range b.pairs + 1 {
		ua, err := once(ctx, a...)
		if err != nil {
			return 0, 0, 0, err
		}
		uc, err := once(ctx, c...)
		if err != nil {
			return 0, 0, 0, err
		}
		if i == 0 {
			continue // warms the page cache
		}
		as, cs = append(as, ua.wall), append(cs, uc.wall)
		ratios = append(ratios, float64(ua.wall)/float64(uc.wall))
	}
	return median(ratios), median(as), median(cs), nil
}

func median[T int64 | float64 | time.Duration](v []T) T {
	slices.Sort(v)
	return v[len(v)/2]
}

// input makes a file with samples/gen unless it is there.
func (b *bench) input(ctx context.Context, name string, args ...string) (string, error) {
	p := filepath.Join(b.dir, name)
	if _, err := os.Stat(p); err == nil {
		return p, nil
	}
	fmt.Fprintf(os.Stderr, "making %s\n", p)
	args = append([]string{"run", "./samples/gen"}, args...)
	for i, a := range args {
		if a == "OUT" {
			args[i] = p
		}
	}
	c := exec.CommandContext(ctx, "go", args...)
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("go %v: %w", args, err)
	}
	return p, nil
}

func (b *bench) big(ctx context.Context, kind string, mib int64) (string, error) {
	return b.crowd(ctx, kind, mib, serverUsers)
}

func (b *bench) crowd(ctx context.Context, kind string, mib int64, users int) (string, error) {
	return b.input(ctx, fmt.Sprintf("%s-%d-%d.log", kind, mib, users), "big", "-kind", kind, "-size", fmt.Sprintf("%dMiB", mib), "-users", strconv.Itoa(users), "-o", "OUT")
}

func (b *bench) scan(args ...string) []string { return append([]string{b.outmode, "scan"}, args...) }

func (b *bench) againstWC(ctx context.Context, name, kind string, users int, goal float64) error {
	p, err := b.crowd(ctx, kind, b.mib, users)
	if err != nil {
		return err
	}
	ratio, scan, wc, err := b.pair(ctx, b.scan(p), []string{"wc", "-l", p})
	if err != nil {
		return err
	}
	b.row(name, fmt.Sprintf("%.1f x (%.2f s / %.2f s)", ratio, scan.Seconds(), wc.Seconds()), fmt.Sprintf("<= %g x", goal), ratio <= goal)
	return nil
}

// rules200 adds rules of every shape to the built-in ones until there are 200.
func rules200(ctx context.Context, b *bench) error {
	p, err := b.big(ctx, "iis", b.mib)
	if err != nil {
		return err
	}
	file := filepath.Join(b.dir, "rules200.yaml")
	if err := os.WriteFile(file, manyRules(180), 0o644); err != nil {
		return err
	}
	ratio, with, without, err := b.pair(ctx, b.scan("--rules", file, p), b.scan(p))
	if err != nil {
		return err
	}
	b.row("P3 200 rules / built-in pack", fmt.Sprintf("%.2f x (%.2f s / %.2f s)", ratio, with.Seconds(), without.Seconds()), "<= 1.25 x", ratio <= 1.25)
	return nil
}

// manyRules writes n rules such as an analyst writes: over the key, accounts, addresses and lines.
func manyRules(n int) []byte {
	var b bytes.Buffer
	whens := []string{
		`protocol == "ews" && auth == "basic" && outcome == "success" && user == "svc%d"`,
		`protocol in ["mapi", "rpc"] && auth == "ntlm" && !internal && domain == "contoso" && glob(user, "adm%d*")`,
		`outcome == "failure" && address != "" && cidr(address, "203.0.113.%d/32")`,
		`protocol == "activesync" && auth == "basic" && status == %d`,
		`client == "script" && (user startsWith "test%d" || privileged)`,
		`auth == "basic" && protocol == "powershell" && hour >= 22 && user != "x%d"`,
		`legacy_onprem && modern == "no" && domain == "d%d.contoso.com"`,
		`outcome == "blocked" && path contains "/x%d/"`,
		`!legacy_exo && client == "browser" && server == "EX%d"`,
	}
	for i := range n {
		fmt.Fprintf(&b, "---\nid: BENCH-%d\nname: bench %d\nseverity: info\nwhen: >-\n  "+whens[i%len(whens)]+"\n", i, i, i%200)
	}
	return b.Bytes()
}

// memory compares the peaks of one and of eight times the size, and looks at a hostile file.
func memory(ctx context.Context, b *bench) error {
	var peaks []float64
	p, err := b.crowd(ctx, "iis", b.mib, crowdUsers)
	if err != nil {
		return err
	}
	u, err := once(ctx, b.scan(p)...)
	if err != nil {
		return err
	}
	b.row("P4 peak memory, 20,000 accounts", fmt.Sprintf("%.0f MiB", float64(u.peak)/(1<<20)), "< 128 MiB", u.peak < 128<<20)
	for _, mib := range []int64{b.mib, 8 * b.mib} {
		p, err := b.big(ctx, "iis", mib)
		if err != nil {
			return err
		}
		u, err := once(ctx, b.scan(p)...)
		if err != nil {
			return err
		}
		peaks = append(peaks, float64(u.peak)/(1<<20))
		b.row(fmt.Sprintf("P4 peak memory, %d MiB", mib), fmt.Sprintf("%.0f MiB", peaks[len(peaks)-1]), "< 128 MiB", u.peak < 128<<20)
	}
	b.row("P4 peak memory, 8 x the size", fmt.Sprintf("%.2f x", peaks[1]/peaks[0]), "<= 1.1 x", peaks[1] <= 1.1*peaks[0])
	p, err = b.input(ctx, "hostile.log", "hostile", "-size", fmt.Sprintf("%dMiB", b.mib*24/10), "-o", "OUT")
	if err != nil {
		return err
	}
	u, err = once(ctx, b.scan(p)...)
	if err != nil {
		return err
	}
	b.row("P4 peak memory, hostile names", fmt.Sprintf("%.0f MiB", float64(u.peak)/(1<<20)), "< 256 MiB", u.peak < 256<<20)
	return nil
}

func workers(ctx context.Context, b *bench) error {
	p, err := b.big(ctx, "iis", b.mib)
	if err != nil {
		return err
	}
	ratio, one, two, err := b.pair(ctx, b.scan("--workers", "1", p), b.scan("--workers", "2", p))
	if err != nil {
		return err
	}
	b.row("P5 one worker / two", fmt.Sprintf("%.2f x (%.2f s / %.2f s)", ratio, one.Seconds(), two.Seconds()), ">= 1.7 x", ratio >= 1.7)
	var sums [][sha256.Size]byte
	for _, n := range []int{1, 2, 5} {
		u, err := once(ctx, b.scan("--workers", strconv.Itoa(n), "-o", "json", p)...)
		if err != nil {
			return err
		}
		sums = append(sums, u.sum)
	}
	same := sums[0] == sums[1] && sums[1] == sums[2]
	b.row("P5 output for 1, 2, 5 workers", fmt.Sprintf("identical: %v", same), "identical", same)
	return nil
}

func smallFiles(ctx context.Context, b *bench) error {
	one, err := b.big(ctx, "iis", b.mib)
	if err != nil {
		return err
	}
	many, err := b.input(ctx, "small", "small", "-kind", "iis", "-size", fmt.Sprintf("%dMiB", b.mib), "-files", strconv.FormatInt(b.mib, 10), "OUT")
	if err != nil {
		return err
	}
	ratio, a, c, err := b.pair(ctx, b.scan(many), b.scan(one))
	if err != nil {
		return err
	}
	b.row(fmt.Sprintf("P6 %d files / one file", b.mib), fmt.Sprintf("%.2f x (%.2f s / %.2f s)", ratio, a.Seconds(), c.Seconds()), "<= 1.2 x", ratio <= 1.2)
	return nil
}

// gzipped cuts the input into four packed files and unpacks them, two at a time, as the rival.
func gzipped(ctx context.Context, b *bench) error {
	dir := filepath.Join(b.dir, fmt.Sprintf("gz-%d", b.mib))
	if _, err := os.Stat(dir); err != nil {
		if err := b.pack(ctx, dir); err != nil {
			return err
		}
	}
	unpack := fmt.Sprintf("ls %s/*.gz | xargs -P 2 -n 1 sh -c 'gzip -dc \"$0\" > /dev/null'", dir)
	ratio, a, c, err := b.pair(ctx, b.scan(dir), []string{"sh", "-c", unpack})
	if err != nil {
		return err
	}
	b.row("P7 four gzip files / gzip -dc", fmt.Sprintf("%.2f x (%.2f s / %.2f s)", ratio, a.Seconds(), c.Seconds()), "<= 1.15 x", ratio <= 1.15)
	return nil
}

func (b *bench) pack(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i := range 4 {
		p, err := b.input(ctx, fmt.Sprintf("gz-%d/%d.log", b.mib, i), "big", "-kind", "iis", "-size", fmt.Sprintf("%dMiB", b.mib/4), "-seed", strconv.Itoa(i+1), "-o", "OUT")
		if err != nil {
			return err
		}
		if _, err := once(ctx, "gzip", p); err != nil {
			return err
		}
	}
	return nil
}

func startUp(ctx context.Context, b *bench) error {
	line := filepath.Join(b.dir, "line.log")
	text := "#Fields: date time cs-uri-stem cs-username c-ip sc-status\n2026-10-06 08:00:00 /EWS/Exchange.asmx anna 198.51.100.7 200\n"
	if err := os.WriteFile(line, []byte(text), 0o644); err != nil {
		return err
	}
	for _, c := range []struct {
		name string
		args []string
		goal time.Duration
	}{
		{"P15 outmode --help", []string{b.outmode, "--help"}, 30 * time.Millisecond},
		{"P15 scan of one line", b.scan(line), 60 * time.Millisecond},
	} {
		var walls []time.Duration
		for range 4 * b.pairs {
			u, err := once(ctx, c.args...)
			if err != nil {
				return err
			}
			walls = append(walls, u.wall)
		}
		m := median(walls)
		b.row(c.name, fmt.Sprintf("%.0f ms", float64(m.Microseconds())/1000), fmt.Sprintf("< %d ms", c.goal.Milliseconds()), m < c.goal)
	}
	return nil
}

// scale prints how cost grows with size: 1.0 is linear.
func scale(ctx context.Context, b *bench) error {
	for _, kind := range []string{"iis", "httpproxy"} {
		var walls []float64
		sizes := []int64{b.mib / 10, b.mib, 8 * b.mib}
		for _, mib := range sizes {
			p, err := b.big(ctx, kind, mib)
			if err != nil {
				return err
			}
			var runs []time.Duration
			for range 3 {
				u, err := once(ctx, b.scan(p)...)
				if err != nil {
					return err
				}
				runs = append(runs, u.wall)
			}
			walls = append(walls, median(runs).Seconds())
		}
		for i := 1; i < len(sizes); i++ {
			e := math.Log(walls[i]/walls[i-1]) / math.Log(float64(sizes[i])/float64(sizes[i-1]))
			b.row(fmt.Sprintf("growth of %s, %d to %d MiB", kind, sizes[i-1], sizes[i]), fmt.Sprintf("exponent %.2f", e), "<= 1.05", e <= 1.05)
		}
	}
	return nil
}
