package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A service tells the manager what it does, and the program what the manager wants.
func TestSupervise(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		requests, told := make(chan control), make(chan announcement, 99)
		serve, reloads, finish := make(chan struct{}), make(chan struct{}, 9), make(chan struct{})
		code := make(chan int)
		go func() {
			code <- supervise(requests, func(a announcement) { told <- a }, func(ctx context.Context, up func(), reload <-chan struct{}) int {
				<-serve
				up()
				up() // after a reload
				for {
					select {
					case <-reload:
						reloads <- struct{}{}
					case <-ctx.Done():
						<-finish
						return exitDone
					}
				}
			})
		}()
		expect := func(want ...announcement) {
			t.Helper()
			synctest.Wait()
			var got []announcement
			for len(told) > 0 {
				got = append(got, <-told)
			}
			if !slices.Equal(got, want) {
				t.Errorf("told %v, want %v", got, want)
			}
		}
		starting, running, stopping := announcement{state: stateStartPending, wait: stepWait}, announcement{state: stateRunning, accepts: 1 | 4 | 8}, announcement{state: stateStopPending, wait: stepWait}
		expect(starting)
		<-time.After(stepEvery + 1)
		starting.step++
		expect(starting)
		requests <- controlInterrogate
		expect(starting)
		close(serve)
		expect(running)
		<-time.After(10 * stepEvery) // one that runs has nothing to tell
		expect()
		requests <- controlParamChange
		requests <- controlInterrogate
		requests <- control(200) // of a user; nothing here
		expect(running)
		if len(reloads) != 1 {
			t.Errorf("%d reloads, want 1", len(reloads))
		}
		requests <- controlStop
		expect(stopping)
		<-time.After(stepEvery)
		stopping.step++
		expect(stopping)
		requests <- controlShutdown
		expect(stopping)
		close(finish)
		if got := <-code; got != exitDone {
			t.Errorf("exit code %d", got)
		}
	})
}

// A program that ends by itself is not told to run, and its exit code is what starts it again.
func TestSuperviseFailure(t *testing.T) {
	t.Parallel()
	var told []announcement
	code := supervise(make(chan control), func(a announcement) { told = append(told, a) }, func(context.Context, func(), <-chan struct{}) int { return exitError })
	if code != exitError || len(told) != 1 || told[0].state != stateStartPending {
		t.Errorf("exit code %d, told %v", code, told)
	}
}

func TestServeArgs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config, data, listen string
		paths, want          []string
	}{
		{`C:\c.yaml`, "", "", nil, []string{"serve", "-c", `C:\c.yaml`}},
		{"", `D:\Outmode`, nowhere, []string{`C:\a b`, `\\EX02\Logs`}, []string{"serve", "--data", `D:\Outmode`, "--listen", "", `C:\a b`, `\\EX02\Logs`}},
		{`C:\c.yaml`, "", "127.0.0.1:1", nil, []string{"serve", "-c", `C:\c.yaml`, "--listen", "127.0.0.1:1"}},
	} {
		if got := serveArgs(c.config, c.data, c.listen, c.paths); !slices.Equal(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// Only accounts without a password can be named: a command line is no place for one.
func TestServiceAccount(t *testing.T) {
	t.Parallel()
	for _, good := range []string{virtualAccount, `nt service\outmode`, `NT AUTHORITY\LocalService`, `CONTOSO\outmode$`} {
		if err := checkAccount(good); err != nil {
			t.Error(err)
		}
	}
	for bad, say := range map[string]string{
		`CONTOSO\anna`: "has a password", `outmode$`: "has a password", `\outmode$`: "has a password", "": "has a password",
		"LocalSystem": "far more", `NT AUTHORITY\SYSTEM`: "far more", `CONTOSO\x'$`: "no name", "CONTOSO\\x\n$": "no name",
	} {
		var e *exit
		if err := checkAccount(bad); !errors.As(err, &e) || e.code != exitUsage || !strings.Contains(err.Error(), say) {
			t.Errorf("%q: %v, want %q", bad, err, say)
		}
	}
}

// The service gets the right to read logs, and its own folder and secrets are closed to all others.
func TestServiceGrants(t *testing.T) {
	t.Parallel()
	p := &servicePlan{
		account: virtualAccount, data: `C:\ProgramData\Outmode`, config: `C:\ProgramData\Outmode\config.yaml`, private: []string{`C:\k\it's.token`}, rules: []string{`D:\rules`, `D:\one.yaml`},
		sources: []serviceSource{{path: `C:\inetpub\logs\LogFiles\W3SVC1`}, {path: `C:\Program Files\Ex\Logging\*\*.LOG`}, {path: `C:\Program Files\Ex\Logging\Pop*`}, {path: `D:\one.log`, isFile: true}, {path: `\\EX02\Logs\W3SVC1`}, {path: `C:\*.log`}},
	}
	want := []string{
		`New-Item -ItemType Directory -Force 'C:\ProgramData\Outmode' | Out-Null`,
		`icacls 'C:\ProgramData\Outmode' /inheritance:r /grant:r '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' 'NT SERVICE\Outmode:(OI)(CI)M'`,
		`icacls 'C:\ProgramData\Outmode\config.yaml' /inheritance:r /grant:r '*S-1-5-18:F' '*S-1-5-32-544:F' 'NT SERVICE\Outmode:R'`,
		`icacls 'C:\k\it''s.token' /inheritance:r /grant:r '*S-1-5-18:F' '*S-1-5-32-544:F' 'NT SERVICE\Outmode:R'`,
		`icacls 'D:\rules' /grant 'NT SERVICE\Outmode:(OI)(CI)RX'`,
		`icacls 'D:\one.yaml' /grant 'NT SERVICE\Outmode:R'`,
		`icacls 'C:\inetpub\logs\LogFiles\W3SVC1' /grant 'NT SERVICE\Outmode:(OI)(CI)RX'`,
		`icacls 'C:\Program Files\Ex\Logging' /grant 'NT SERVICE\Outmode:(OI)(CI)RX'`,
		`icacls 'D:\one.log' /grant 'NT SERVICE\Outmode:R'`,
		`# \\EX02\Logs\W3SVC1: there, give this computer (DOMAIN\EX01$) the right to read the share and the folder`,
		`icacls 'C:\' /grant 'NT SERVICE\Outmode:(OI)(CI)RX'`,
	}
	if got := p.grants("EX01"); !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	p.account = `CONTOSO\outmode$`
	if got := strings.Join(p.grants("EX01"), "\n"); !strings.Contains(got, `there, give CONTOSO\outmode$ the right`) {
		t.Error(got)
	}
	if got := psQuoted("a’b"); got != "'a’’b'" { // PowerShell ends a text at a typographic quote, too
		t.Error(got)
	}
}

func TestServiceWords(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		stateRunning.String(): "running", serviceState(7).String(): "paused", serviceState(0).String(): "state 0", serviceState(99).String(): "state 99",
		startWords(2, true): "automatic, delayed", startWords(2, false): "automatic", startWords(3, false): "manual", startWords(4, true): "disabled", startWords(9, false): "start type 9",
		fmt.Sprint(exitOf(1066, 2)): "2", fmt.Sprint(exitOf(1077, 0)): "0", fmt.Sprint(exitOf(5, 0)): "5", fmt.Sprint(exitOf(0, 7)): "0",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// However much is logged, the files hold no more than they should, and no message is torn.
func TestLogFileBeginsAnew(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outmode.log")
	r := &rotating{path: path, at: 1000, keep: 3}
	line := []byte(strings.Repeat("x", 99) + "\n")
	for range 200 {
		if _, err := r.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Write([]byte("last\n")); err != nil { // after the end it is opened again
		t.Fatal(err)
	}
	defer r.Close()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		text, err := os.ReadFile(filepath.Join(filepath.Dir(path), e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > 1000 || !strings.HasSuffix(string(text), "\n") || e.Name() != "outmode.log" && len(text) != 1000 {
			t.Errorf("%s holds %d bytes", e.Name(), len(text))
		}
	}
	if want := []string{"outmode.log", "outmode.log.1", "outmode.log.2", "outmode.log.3"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
}

// Where the file cannot be moved out of the way, as on Windows while somebody looks at it, it has a bound all the same.
func TestLogFileThatCannotBeMoved(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outmode.log")
	for i := 1; i <= 3; i++ {
		write(t, filepath.Join(fmt.Sprintf("%s.%d", path, i), "in the way"), nil)
	}
	r := &rotating{path: path, at: 1000, keep: 3}
	line := []byte(strings.Repeat("x", 99) + "\n")
	for range 200 {
		if _, err := r.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 2000 || info.Size() < 1900 {
		t.Errorf("%v, %v", info.Size(), err)
	}
	if err := os.RemoveAll(path + ".1"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Write(line); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(text), "180 messages before this there was no room for\nxxx") {
		t.Errorf("%.99s, %v", text, err)
	}
	r.Close()
	if r, err := openRotating(filepath.Join(path, "x", "y")); !errors.Is(err, fs.ErrNotExist) && err == nil {
		t.Errorf("%v, %v", r, err)
	}
}

// Warnings and errors become events, what one source of trouble repeats does not flood the log of all services.
func TestEvents(t *testing.T) {
	t.Parallel()
	var told []string
	now := time.Unix(1e9, 0)
	log := slog.New(eventHandler(func(level slog.Level, text string) error {
		told = append(told, level.String()+" "+text)
		return nil
	}, func() time.Time { return now })).With("source", "a\x00b")
	log.Info("nothing to see")
	log.Warn("look at this", "n", 1)
	log.Error("and this", "time", "its own")
	if want := []string{`WARN msg="look at this" source="a\x00b" n=1`, `ERROR msg="and this" source="a\x00b"`}; !slices.Equal(told, want) {
		t.Errorf("%q, want %q", told, want)
	}
	for range 100 {
		log.Error("again")
	}
	if len(told) != eventsMost {
		t.Errorf("%d events, want %d", len(told), eventsMost)
	}
	now = now.Add(eventsSpan)
	log.Error("later")
	if n := len(told); n != eventsMost+2 || !strings.Contains(told[n-2], "82 messages more did not become events") {
		t.Errorf("%d events, the last two %q", n, told[max(0, n-2):])
	}
	if got := eventText(strings.Repeat("é", eventSize) + "\x00"); len(got) > eventSize+3 || strings.ContainsRune(got, '\uFFFD') || strings.ContainsRune(got, 0) {
		t.Errorf("%d bytes", len(got))
	}
}

// What was said before there was a file is kept, up to a bound, for the event that tells of the end.
func TestSpill(t *testing.T) {
	t.Parallel()
	var s spill
	var file strings.Builder
	fmt.Fprintln(&s, "before")
	s.into(&file)
	fmt.Fprintln(&s, "within")
	s.into(nil)
	fmt.Fprintln(&s, "after")
	if s.text() != "before\nwithin\nafter\n" || file.String() != "within\n" {
		t.Errorf("%q, file %q", s.text(), file.String())
	}
	fmt.Fprint(&s, strings.Repeat("x", spillSize), "end")
	if got := s.text(); len(got) != spillSize || !strings.HasSuffix(got, "xend") {
		t.Errorf("%d bytes", len(got))
	}
}

// Elsewhere the command says what does the same.
func TestServiceElsewhere(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("it would stop and remove the service of this machine")
	}
	for _, args := range [][]string{{"install", "/logs"}, {"uninstall"}, {"start"}, {"stop"}, {"reload"}, {"status"}} {
		g := &globals{output: "table"}
		c := newService(g)
		c.SetArgs(args)
		c.SilenceErrors, c.SilenceUsage = true, true
		var e *exit
		if err := c.ExecuteContext(t.Context()); !errors.As(err, &e) || e.code != exitUsage || !strings.Contains(err.Error(), "packaging/outmode.service") {
			t.Errorf("outmode service %s: %v", strings.Join(args, " "), err)
		}
	}
}

// Everything is checked before anything is installed, and every path is written out.
func TestServicePlan(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "logs/a.log", nil)
	write(t, "c.yaml", []byte("data: store\nsources:\n  - path: logs\n  - path: logs/a.log\nlisten_auth:\n  token_file: token\n"))
	plan := func(config, data string, paths ...string) (*servicePlan, error) {
		var errs strings.Builder
		f := &serveFlags{globals: &globals{config: config, streams: streams{err: &errs}}, data: data}
		return f.servicePlan(virtualAccount, paths)
	}
	p, err := plan("c.yaml", "")
	if err != nil {
		t.Fatal(err)
	}
	here, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(here, name) }
	if want := []string{"serve", "-c", in("c.yaml")}; !slices.Equal(p.args, want) || p.data != in("store") || !slices.Equal(p.private, []string{in("token")}) {
		t.Errorf("%+v", p)
	}
	if want := []serviceSource{{in("logs"), false}, {in("logs/a.log"), true}}; !slices.Equal(p.sources, want) {
		t.Errorf("%+v, want %+v", p.sources, want)
	}
	if p, err = plan("", "s", "logs"); err != nil || !slices.Equal(p.args, []string{"serve", "--data", in("s"), in("logs")}) {
		t.Errorf("%+v, %v", p, err)
	}
	for say, try := range map[string]func() (*servicePlan, error){
		"serve needs --data":                func() (*servicePlan, error) { return plan("", "") },
		"no logs to read":                   func() (*servicePlan, error) { return plan("", "s") },
		"the configuration cannot be used;": func() (*servicePlan, error) { return plan("none.yaml", "") },
	} {
		if _, err := try(); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%v, want %q", err, say)
		}
	}
}
