package main

import (
	"strings"
	"testing"
)

// Who is reached from other machines is told so once, with what they see and what to do.
func TestWarnsOfListeners(t *testing.T) {
	t.Parallel()
	token, tls := configAuth{Token: secretRef{Env: "OUTMODE_TEST_TOKEN"}}, configTLS{Cert: "c", Key: "k"}
	for _, c := range []struct {
		address     string
		auth        configAuth
		tls         configTLS
		says, spare string
	}{
		{address: "127.0.0.1:9464"},
		{address: "[::1]:9464"},
		{address: "[::]:9464", auth: token, tls: tls},
		{address: "[::]:9464", says: "set listen_auth and tls, or listen on 127.0.0.1"},
		{address: "192.0.2.1:9464", auth: token, says: "the token of /metrics", spare: "listen_auth"},
		{address: "192.0.2.1:9464", tls: tls, says: "set listen_auth, or", spare: "tls"},
	} {
		var log heard
		d := &daemon{log: newLogger(&log, configLog{}), address: c.address}
		d.warnOfListeners(&config{ListenAuth: c.auth, TLS: c.tls})
		switch said := log.String(); {
		case c.says == "" && said != "":
			t.Errorf("%+v: %s", c, said)
		case c.says != "" && (!strings.Contains(said, "level=WARN") || !strings.Contains(said, c.address) || !strings.Contains(said, "/readyz") || !strings.Contains(said, c.says)):
			t.Errorf("%+v: %q", c, said)
		case c.spare != "" && strings.Contains(said, c.spare):
			t.Errorf("%+v: it asks for what is there: %s", c, said)
		}
	}
}

// The warning is of the address that is listened on, whatever name it was given.
func TestListenWarns(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]int{"localhost:0": 0, ":0": 1} {
		var log heard
		d := &daemon{log: newLogger(&log, configLog{}), metrics: newMetrics()}
		l, err := d.listen(t.Context(), &world{config: config{Listen: listen}})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.close(); err != nil {
			t.Error(err)
		}
		if n := strings.Count(log.String(), "other machines reach"); n != want {
			t.Errorf("%s: %d warnings, want %d: %s", listen, n, want, log.String())
		}
	}
}
