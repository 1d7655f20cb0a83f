package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A result is what came of one fault at every call.
type result struct {
	runs, hit, told, survived int
	failures                  []string
}

// mostMisses is after how many runs in which the call did not come up a sweep over it ends. Threads share their work
// differently each time, so that a single miss means nothing.
const mostMisses = 3

// every lets the first call fail, then the second, and so on. strace counts for each thread by itself: `when=3` is the
// third call of every thread that makes so many, which fails more and not less.
func (s *sweep) every(ctx context.Context, f fault) (*result, error) {
	r := &result{}
	misses := 0
	for _, n := range samples(s.rng, s.calls[f.call]) {
		hit, err := s.once(ctx, f, n, r)
		if err != nil {
			return nil, err
		}
		if hit {
			misses = 0
		} else if misses++; misses == mostMisses {
			break
		}
	}
	return r, nil
}

// Of a call that comes up more often than allOf times, the first are tried and then some of the others.
const (
	allOf   = 40
	firstOf = 20
)

// samples picks which calls fail, the number of calls of the busiest thread given. A few more than were counted are
// tried: the next run may do more.
func samples(rng *rand.Rand, calls int) []int {
	var list []int
	if calls <= allOf {
		for n := range calls + mostMisses {
			list = append(list, n+1)
		}
		return list
	}
	for n := range firstOf {
		list = append(list, n+1)
	}
	width := float64(calls-firstOf) / firstOf
	for i := range firstOf { // one of each stretch, so that they are spread
		n := firstOf + 1 + int(width*float64(i)+rng.Float64()*width)
		list = append(list, min(n, calls))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// once injects one fault into a scan of a new store and then asks what is left.
func (s *sweep) once(ctx context.Context, f fault, n int, r *result) (hit bool, err error) {
	name := fmt.Sprintf("%s-%s-%d", f.call, f.errno, n)
	data, trace := filepath.Join(s.dir, name), filepath.Join(s.dir, name+".strace")
	inject := []string{"-e", "trace=" + f.call, "-e", fmt.Sprintf("inject=%s:error=%s:when=%d", f.call, f.errno, n)}
	ran := s.scan(ctx, data, append([]string{s.strace, "-f", "-qq", "-o", trace}, inject...)...)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	r.runs++
	text, traceErr := os.ReadFile(trace)
	if traceErr != nil {
		return false, fmt.Errorf("strace: %w: %s", traceErr, ran.said)
	}
	hit = bytes.Contains(text, []byte("(INJECTED)"))
	if hit {
		r.hit++
	}
	problem := s.judge(ctx, data, ran, r)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if s.verbose {
		fmt.Fprintf(s.out, "  %s: hit %t, %s\n", name, hit, ran)
	}
	if problem != "" {
		command := fmt.Sprintf("strace -f %s %s scan --data NEW %s", strings.Join(inject, " "), s.outmode, s.logs)
		r.failures = append(r.failures, fmt.Sprintf("%s: %s\n    then: %s\n    store and trace: %s*\n    again: %s", name, ran, problem, data, command))
		return hit, nil
	}
	return hit, errors.Join(os.RemoveAll(data), os.Remove(trace))
}

// judge says what is wrong after a run with a fault, or "". A run that says nothing must have done everything; whatever
// it did, a run without a fault must bring the store to where an undisturbed one is.
func (s *sweep) judge(ctx context.Context, data string, ran scanned, r *result) string {
	switch {
	case ran.err != nil:
		return "the disturbed run did not end well"
	case ran.crashed():
		return "the disturbed run crashed"
	case ran.code == 0:
		state, err := s.state(ctx, data)
		if err != nil {
			return "the disturbed run ended with 0, but its store does not answer: " + err.Error()
		}
		if why := s.want.differs(&state); why != "" {
			return "silent loss: the disturbed run ended with 0, but " + why
		}
		r.survived++
	case !ran.told():
		return "the disturbed run failed and did not say why"
	default:
		r.told++
	}
	if again := s.scan(ctx, data); again.err != nil || again.code != 0 {
		return fmt.Sprintf("the clean run after it: want exit 0: %s", again)
	}
	if err := (&program{s.outmode, data}).check(ctx); err != nil {
		return "after the clean run: " + err.Error()
	}
	state, err := s.state(ctx, data)
	if err != nil {
		return "after the clean run: " + err.Error()
	}
	if why := s.want.differs(&state); why != "" {
		return "after the clean run: " + why
	}
	return ""
}

// scanTime is how long a scan of so few lines may take, even under strace. A longer one hangs.
const scanTime = 2 * time.Minute

// A scanned is how a scan ended, what it said on stderr and what it printed. err is set where it did not end by itself.
type scanned struct {
	code          int
	said, printed string
	err           error
}

func (r scanned) String() string {
	said := fmt.Sprintf("exit %d, on stderr %q", r.code, tailOf(strings.TrimSpace(r.said), 300))
	if r.err != nil {
		return r.err.Error() + ", " + said
	}
	return said
}

// told says whether the operator can know what went wrong: from stderr, or, where some log could not be read, from the
// report, which names it with the system's words.
func (r scanned) told() bool {
	if strings.TrimSpace(r.said) != "" {
		return true
	}
	report := strings.ToLower(strings.Join(strings.Fields(r.printed), " "))
	return r.code == exitIncomplete && (strings.Contains(report, "input/output error") || strings.Contains(report, "no space left") ||
		strings.Contains(report, "too many open files"))
}

// crashed tells a run that fell over from one that gave up: a trace of the runtime tells an operator nothing.
func (r scanned) crashed() bool {
	return r.code < 0 || strings.Contains(r.said, "panic: ") || strings.Contains(r.said, "fatal error: ")
}

// scan reads the logs into a store, under another program if one is given.
func (s *sweep) scan(ctx context.Context, data string, under ...string) scanned {
	ctx, cancel := context.WithTimeout(ctx, scanTime)
	defer cancel()
	args := append(slices.Clone(under), s.outmode, "scan", "--data", data, s.logs)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	together(cmd)
	cmd.WaitDelay = time.Second
	var messages, report bytes.Buffer
	cmd.Stderr, cmd.Stdout = &messages, &report
	r := scanned{err: cmd.Run(), code: -1}
	var exit *exec.ExitError
	switch {
	case ctx.Err() == context.DeadlineExceeded:
		r.err = fmt.Errorf("still running after %s", scanTime)
	case errors.As(r.err, &exit):
		r.err = nil
	}
	if cmd.ProcessState != nil {
		r.code = cmd.ProcessState.ExitCode()
	}
	r.said, r.printed = messages.String(), report.String()
	return r
}

// count runs a clean scan and counts the calls of its busiest thread.
func (s *sweep) count(ctx context.Context, faults []fault) error {
	var names []string
	for _, f := range faults {
		names = append(names, "?"+f.call) // not every machine has every call
	}
	slices.Sort(names)
	trace, data := filepath.Join(s.dir, "count.strace"), filepath.Join(s.dir, "count")
	r := s.scan(ctx, data, s.strace, "-f", "-qq", "-o", trace, "-e", "trace="+strings.Join(slices.Compact(names), ","))
	if r.err != nil || r.code != 0 {
		return fmt.Errorf("counting system calls: want exit 0: %s", r)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		return err
	}
	s.calls = busiest(string(text))
	return errors.Join(os.Remove(trace), os.RemoveAll(data))
}

// busiest reads a trace of several threads: for each call, how often the thread makes it that makes it most.
func busiest(trace string) map[string]int {
	begin := regexp.MustCompile(`^(\d+) +([a-z0-9_]+)\(`)
	threads := map[[2]string]int{}
	most := map[string]int{}
	for line := range strings.Lines(trace) {
		m := begin.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		at := [2]string{m[1], m[2]}
		threads[at]++
		most[m[2]] = max(most[m[2]], threads[at])
	}
	return most
}
