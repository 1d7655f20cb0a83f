package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// figures are what one benchmark reports, by unit.
type figures map[string]float64

// goBench runs benchmarks that stand beside the code, and returns what each reports, by name without "Benchmark".
func goBench(ctx context.Context, pkg, pattern, times string) (map[string]figures, error) {
	c := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", pattern, "-benchtime", times, pkg)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("the benchmarks %s of %s: %w: %s", pattern, pkg, err, out)
	}
	all := map[string]figures{}
	for sc := bufio.NewScanner(bytes.NewReader(out)); sc.Scan(); {
		line, is := strings.CutPrefix(sc.Text(), "Benchmark")
		name, rest, ok := strings.Cut(line, "\t")
		if !is || !ok {
			continue
		}
		f := figures{}
		for _, field := range strings.Split(rest, "\t") {
			if v, unit, ok := strings.Cut(strings.TrimSpace(field), " "); ok {
				f[unit], _ = strconv.ParseFloat(v, 64)
			}
		}
		name = strings.TrimSpace(name)
		if i := strings.LastIndexByte(name, '-'); i > 0 { // how many processors there are
			name = name[:i]
		}
		all[name] = f
	}
	return all, nil
}

// decoders holds the decoders of gateways against encoding/json on the same record.
func decoders(ctx context.Context, b *bench) error {
	all, err := goBench(ctx, "./ingest/mfa", "^Benchmark(Duo|EntraDecode|EntraGraph|UALDecode|AuthProxy)$", "200ms")
	if err != nil {
		return err
	}
	for _, name := range []string{"Duo", "AuthProxy", "EntraDecode", "EntraGraph", "UALDecode"} {
		own, other := all[name+"/decode"]["ns/op"], all[name+"/encoding-json"]["ns/op"]
		if own == 0 {
			return fmt.Errorf("no figure of the benchmark %s", name)
		}
		b.row("P10 "+name+" against encoding/json", fmt.Sprintf("%.1f x (%.0f ns)", other/own, own), "3 x", other/own >= 3)
	}
	return nil
}
