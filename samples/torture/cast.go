package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// A server is one Exchange server of the play.
type server struct {
	name, address string
}

func newServer(n int) server {
	return server{fmt.Sprintf("EX%02d", n+1), fmt.Sprintf("192.0.2.%d", 11+n%200)}
}

// A cast is who signs in and with what.
type cast struct {
	accounts []string
	agents   []string
}

// newCast makes the accounts, each in a form of its own. Some need more than one byte for a letter: a flush or a kill
// may fall into the middle of it.
func newCast() *cast {
	c := &cast{agents: []string{
		"Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17328; Pro)",
		"Microsoft Office/15.0 (Windows NT 6.3; Microsoft Outlook 15.0.5589; Pro)",
		"Apple-iPhone15C4/2107.102", "Android-SAMSUNG-SM-S918B/101.14", "Outlook-iOS-Android/1.0",
		"ExchangeServicesClient/15.00.0913.015", "python-requests/2.31.0", "", `Nachtläufer "Öko" 2.0`,
	}}
	names := []string{
		"anna.berg", "Tobi.Okafor", "k.lindqvist", "jonas", "chie.n", "s.alvarez", "per", "hilde.vogel", "W.Stone", "b.kowalski",
		"n.haddad", "f.oduya", "r.iyer", "svc-erp", "svc-scan", "svc-report", "j.müller", "søren.å", "çağla.şahin", "елена", "大輔",
	}
	for _, n := range names {
		c.accounts = append(c.accounts, `CONTOSO\`+n, n+"@contoso.com", `Fabrikam\`+n)
	}
	return c
}

// A scene is what a line is made from: when, where and with whose luck.
type scene struct {
	*cast
	rng    *rand.Rand
	server server
	at     time.Time
	tidy   bool // no malformed lines
}

func (s *scene) chance(percent float64) bool { return s.rng.Float64()*100 < percent }

func pick[T any](s *scene, list []T) T { return list[s.rng.IntN(len(list))] }

func (s *scene) account() string { return pick(s, s.accounts) }

// health is one of the mailboxes by which the server watches itself.
func (s *scene) health() string { return fmt.Sprintf("HealthMailbox%07x", s.rng.IntN(8)) }

// from is where a client comes from.
func (s *scene) from() string {
	n := s.rng.IntN(200) + 1
	switch s.rng.IntN(5) {
	case 0:
		return fmt.Sprintf("203.0.113.%d", n)
	case 1:
		return fmt.Sprintf("2001:db8::%x", n)
	}
	return fmt.Sprintf("198.51.100.%d", n)
}

// endpoint is from with a port.
func (s *scene) endpoint() string {
	from, port := s.from(), 49152+s.rng.IntN(16000)
	if strings.Contains(from, ":") {
		return fmt.Sprintf("[%s]:%d", from, port)
	}
	return fmt.Sprintf("%s:%d", from, port)
}

// guid makes every request its own, and so the first line of every file.
func (s *scene) guid() string {
	a, b := s.rng.Uint64(), s.rng.Uint64()
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&0xffffffffffff)
}

// babble is text of about n bytes as it stands in error columns, in the languages that servers speak.
func (s *scene) babble(n int) string {
	words := []string{
		"WebException=System.Net.WebException: Le serveur distant a retourné une erreur : (403) Interdit.",
		"Uzak sunucu hata döndürdü: (403) Yasak.", "в Microsoft.Exchange.HttpProxy.ProxyRequestHandler", "リモート サーバーがエラーを返しました",
		"StreamProxy=StreamProxy-Request-Sending", "at System.Net.HttpWebRequest.EndGetResponse(IAsyncResult asyncResult)",
	}
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(pick(s, words))
		b.WriteByte(' ')
	}
	return strings.TrimSpace(b.String())
}

// longest is the longest line, as IIS itself cuts them.
const longest = 64 << 10

// length is the size of a text that is nearly always short.
func (s *scene) length() int {
	if s.chance(0.1) {
		return 1000 + s.rng.IntN(longest-4000)
	}
	return 20 + s.rng.IntN(120)
}

// A format writes the lines of one kind of log. A line has no line end; the header has one behind each of its lines.
type format interface {
	header(s *scene, fresh bool) string
	line(s *scene) (string, told)
	// open says that sessions are under way whose lines must not stand in the next file.
	open() bool
	// closing is line, but begins no session.
	closing(s *scene) (string, told)
}
