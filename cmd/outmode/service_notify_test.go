package main

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// systemd listens as systemd does, and returns what the notifier sent.
func systemd(t *testing.T) (socket string, next func() string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there is no systemd")
	}
	dir, err := os.MkdirTemp("", "n") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket = filepath.Join(dir, "s")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return socket, func() string {
		t.Helper()
		if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 4096)
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
}

// environment is one, and nothing of the machine's.
func environment(of map[string]string) func(string) string {
	return func(name string) string { return of[name] }
}

func TestNotify(t *testing.T) {
	t.Parallel()
	socket, next := systemd(t)
	h := &host{notify: dialNotify(environment(map[string]string{"NOTIFY_SOCKET": socket, "WATCHDOG_USEC": "2000"}))}
	if h.notify == nil {
		t.Fatal("nobody is told")
	}
	expect := func(want string) {
		t.Helper()
		if got := next(); got != want {
			t.Errorf("sent %q, want %q", got, want)
		}
	}
	h.ready()
	expect("READY=1")
	h.status("reading %d\nREADY=1", 3) // no text makes a second message
	h.status("reading %d\nREADY=1", 3) // said already
	expect("STATUS=reading 3 READY=1")
	h.reloading()
	state, us, _ := strings.Cut(next(), "\nMONOTONIC_USEC=")
	if state != "RELOADING=1" || runtime.GOOS == "linux" && (us == "" || us == "0" || strings.Trim(us, "0123456789") != "") {
		t.Errorf("sent %q and %q", state, us)
	}
	alive := make(chan bool, 1)
	alive <- false // then true: a process that does nothing must not be taken for one that is alive
	stop := h.watch(func() bool {
		select {
		case <-alive:
			return false
		default:
			return true
		}
	})
	expect("WATCHDOG=1")
	if len(alive) > 0 {
		t.Error("it was not asked whether it is alive")
	}
	stop()
	h.stopping()
	for got := ""; got != "STOPPING=1"; {
		if got = next(); got != "WATCHDOG=1" && got != "STOPPING=1" {
			t.Errorf("sent %q", got)
		}
	}
}

// Without systemd nobody is told, and nothing fails.
func TestNobodyIsTold(t *testing.T) {
	t.Parallel()
	for _, socket := range []string{"", "relative", "vsock:2:1", filepath.Join(t.TempDir(), "gone")} {
		if n := dialNotify(environment(map[string]string{"NOTIFY_SOCKET": socket})); n != nil {
			t.Errorf("%q: %v", socket, n)
		}
	}
	for _, h := range []*host{nil, {}} {
		h.ready()
		h.reloading()
		h.status("x")
		h.stopping()
		h.watch(func() bool { return true })()
	}
}

func TestWatchdogEvery(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		us, pid string
		want    time.Duration
	}{{"", "", 0}, {"120000000", "", time.Minute}, {"120000000", "42", time.Minute}, {"120000000", "43", 0}, {"x", "", 0}, {"-5", "", 0}, {"1", "", 0}, {"9223372036854775807", "", 0}} {
		if got := watchdogEvery(environment(map[string]string{"WATCHDOG_USEC": c.us, "WATCHDOG_PID": c.pid}), 42); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	if us, ok := monotonic(); runtime.GOOS == "linux" && (!ok || us <= 0) {
		t.Error(us)
	}
}
