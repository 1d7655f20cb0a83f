// Command bench measures whole runs of outmode against what else can be done with the same file, and
// prints one table: what, the figure, the goal, met or not. It judges nothing else and never fails a
// build: timing on a shared machine means something only as a ratio within one run.
//
// Inputs come from samples/gen, seeded, and are kept in a folder between runs. Each pair of commands
// runs in turn on a warm page cache, and medians are compared.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b := &bench{}
	flag.StringVar(&b.outmode, "outmode", "bin/outmode", "the program to measure")
	flag.StringVar(&b.dir, "dir", "bench", "where the inputs are made and kept")
	flag.Int64Var(&b.mib, "mib", 1024, "size of the main inputs in MiB")
	flag.IntVar(&b.pairs, "pairs", 5, "pairs of runs behind each ratio")
	only := flag.String("only", "", "names of measurements, separated by commas (default: all)")
	flag.Parse()
	if err := b.run(ctx, strings.Split(*only, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A measurement fills one or more rows of the table.
type measurement struct {
	name string
	run  func(context.Context, *bench) error
}

type bench struct {
	outmode, dir string
	mib          int64
	pairs        int
	rows         [][4]string
}

func (b *bench) run(ctx context.Context, only []string) error {
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return err
	}
	for _, m := range measurements() {
		if only[0] != "" && !contains(only, m.name) {
			continue
		}
		if err := m.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	b.print()
	return nil
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if strings.EqualFold(l, s) {
			return true
		}
	}
	return false
}

// row adds a line to the table; ok says whether the goal is met.
func (b *bench) row(name, figure, goal string, ok bool) {
	met := "met"
	if !ok {
		met = "NOT met"
	}
	b.rows = append(b.rows, [4]string{name, figure, goal, met})
	fmt.Fprintf(os.Stderr, "%s: %s (goal %s)\n", name, figure, goal)
}

func (b *bench) print() {
	head := [4]string{"measurement", "figure", "goal", ""}
	var width [4]int
	for _, r := range append([][4]string{head}, b.rows...) {
		for i, c := range r {
			width[i] = max(width[i], len([]rune(c)))
		}
	}
	for _, r := range append([][4]string{head}, b.rows...) {
		line := ""
		for i, c := range r {
			line += c + strings.Repeat(" ", width[i]-len([]rune(c))+2)
		}
		fmt.Println(strings.TrimRight(line, " "))
	}
}
