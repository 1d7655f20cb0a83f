package main

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/outmode/outmode/ingest"
)

// A listener answers /metrics, /healthz and /readyz.
type listener struct{ server *http.Server }

// listen starts it: a port that is taken is told at once.
func (d *daemon) listen(ctx context.Context, w *world) (*listener, error) {
	c := &w.config
	if c.Listen == "" {
		return &listener{}, nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w: choose another address with --listen, or none with --listen \"\"", c.Listen, err)
	}
	mux := http.NewServeMux()
	metrics := promhttp.HandlerFor(d.metrics.registry, promhttp.HandlerOpts{})
	if c.ListenAuth.Token.set() {
		token, err := c.ListenAuth.Token.read()
		if err != nil {
			l.Close()
			return nil, err
		}
		metrics = withToken(token, metrics)
	}
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /healthz", d.healthz)
	mux.HandleFunc("GET /readyz", d.readyz)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	if c.TLS.Cert != "" {
		cert, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key)
		if err != nil {
			l.Close()
			return nil, fmt.Errorf("loading the certificate of tls.cert: %w", err)
		}
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	}
	d.address = l.Addr().String()
	d.log.Info("listening", "address", d.address)
	d.warnOfListeners(c)
	go func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			d.log.Error("nobody answers /metrics any more", "err", err)
		}
	}()
	return &listener{s}, nil
}

// warnOfListeners tells who made the address reachable what others see there: this is done by the operator, and may be
// meant, but not by chance.
func (d *daemon) warnOfListeners(c *config) {
	const health = "/healthz and /readyz, which say how far reading is and why the store takes nothing (its path)"
	const metrics = "/metrics, which counts sign-ins, findings and lines and names no account, no server and no address"
	open, advice := health+"; "+metrics, "set listen_auth and tls, or listen on 127.0.0.1"
	switch token, encrypted := c.ListenAuth.Token.set(), c.TLS.Cert != ""; {
	case isLoopback(d.address) || token && encrypted:
		return
	case token:
		open, advice = health+"; on the way, the token of /metrics", "set tls, or listen on 127.0.0.1"
	case encrypted:
		advice = "set listen_auth, or listen on 127.0.0.1"
	}
	d.log.Warn("other machines reach what this listens on", "address", d.address, "visible", open, "advice", advice)
}

func (l *listener) close() error {
	if l.server == nil {
		return nil
	}
	return l.server.Close()
}

func withToken(token Secret, h http.Handler) http.Handler {
	want := []byte("Bearer " + token.Reveal())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), want) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "a bearer token is needed", http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// stale is how long the folders may not have been looked at before something is wrong.
const stale = 2 * time.Minute

// healthz says whether the process does its work at all; what it waits for is told by readyz.
func (d *daemon) healthz(w http.ResponseWriter, _ *http.Request) {
	if late, is := d.late(); is {
		http.Error(w, fmt.Sprintf("the folders of logs were not looked at for %v", late.Round(time.Second)), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// readyz says whether what the store holds is up to date.
func (d *daemon) readyz(w http.ResponseWriter, _ *http.Request) {
	p := d.state.Load()
	switch {
	case p.Refused != "":
		http.Error(w, "the store takes nothing: "+plain(p.Refused), http.StatusServiceUnavailable)
	case !p.Caught:
		http.Error(w, fmt.Sprintf("reading what was there: %d bytes are left", p.Behind), http.StatusServiceUnavailable)
	case time.Since(p.Looked) > stale:
		http.Error(w, fmt.Sprintf("the folders of logs were not looked at for %v", time.Since(p.Looked).Round(time.Second)), http.StatusServiceUnavailable)
	default:
		fmt.Fprintln(w, readyWords(p))
	}
}

// readyWords says what ready means: that nothing is left to be read which can be.
func readyWords(p *ingest.Progress) string {
	switch {
	case p.Unread > 0:
		return fmt.Sprintf("ready: caught up with what can be read (%s); %s cannot be read: \"outmode sources\" says which, and why", plural(p.Known, "log"), number(int64(p.Unread)))
	case p.Known == 0:
		return "ready: there is no log to read, yet"
	}
	return fmt.Sprintf("ready: caught up with %s", plural(p.Known, "log"))
}
