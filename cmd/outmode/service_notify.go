package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A notifier tells systemd how the service does; see sd_notify(3). A nil one tells nobody.
type notifier struct {
	conn  net.Conn
	every time.Duration // how often the watchdog wants to hear; 0 for never
	clock func() (microseconds int64, ok bool)

	mu   sync.Mutex
	said string // the last status
}

// dialNotify returns a notifier if systemd, or whatever else started the program, wants to be told. What goes wrong
// must not keep the service from its work: then nobody is told.
func dialNotify(getenv func(string) string) *notifier {
	socket := getenv("NOTIFY_SOCKET")
	if !strings.HasPrefix(socket, "/") && !strings.HasPrefix(socket, "@") { // @ is the abstract name space of Linux
		return nil
	}
	conn, err := net.Dial("unixgram", socket)
	if err != nil {
		return nil
	}
	return &notifier{conn: conn, every: watchdogEvery(getenv, os.Getpid()), clock: monotonic}
}

// watchdogEvery is half of what the watchdog waits for, as systemd recommends.
func watchdogEvery(getenv func(string) string, pid int) time.Duration {
	if of := getenv("WATCHDOG_PID"); of != "" && of != strconv.Itoa(pid) {
		return 0 // it is another process that it wants to hear
	}
	us, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || us < 2 || us > int64(longestSpan/time.Microsecond) {
		return 0
	}
	return time.Duration(us) * time.Microsecond / 2
}

func (n *notifier) send(state string) {
	if n != nil {
		_, _ = n.conn.Write([]byte(state)) // nothing depends on it here, and systemd has its own time limits
	}
}

// reloading carries the time, without which a unit of Type=notify-reload does not believe it.
func (n *notifier) reloading() {
	if n == nil {
		return
	}
	state := "RELOADING=1"
	if us, ok := n.clock(); ok {
		state += fmt.Sprintf("\nMONOTONIC_USEC=%d", us)
	}
	n.send(state)
}

// status sends words that differ from the last ones.
func (n *notifier) status(text string) {
	if n == nil {
		return
	}
	text = strings.ReplaceAll(plain(text), "\n", " ") // a second line would be another message
	n.mu.Lock()
	same := text == n.said
	n.said = text
	n.mu.Unlock()
	if !same {
		n.send("STATUS=" + text)
	}
}
