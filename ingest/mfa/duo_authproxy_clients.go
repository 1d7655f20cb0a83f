package mfa

import (
	"bytes"
	"encoding/json"
	"fmt"
)

const (
	mostClients = 128
	// A push is given up after 60 s; what was said longer ago is of another login.
	clientLife = 120_000
	mostClient = 256 // bytes of a user's name
)

// clients remembers for the time of a login from where a user came: authproxy.log says it once, when it asks Duo whether
// a factor is needed. The oldest are forgotten first.
type clients struct {
	all  [mostClients]client
	next int
}

type client struct {
	user, address []byte
	at            int64
}

func (c *clients) clear() {
	for i := range c.all {
		c.all[i].at = 0
	}
	c.next = 0
}

func (c *clients) find(user []byte, at int64) *client {
	for i := range c.all {
		if x := &c.all[i]; x.at > 0 && bytes.Equal(x.user, user) && at-x.at <= clientLife && x.at-at <= clientLife {
			return x
		}
	}
	return nil
}

// note remembers an address. A user who comes from two at a time comes from none that is known.
func (c *clients) note(user, address []byte, at int64) {
	if len(user) == 0 || len(user) > mostClient {
		return
	}
	if x := c.find(user, at); x != nil {
		if !bytes.Equal(x.address, address) {
			x.address = x.address[:0]
		}
		x.at = at
		return
	}
	c.append(user, address, at)
}

func (c *clients) append(user, address []byte, at int64) {
	x := &c.all[c.next]
	c.next = (c.next + 1) % mostClients
	x.user, x.address, x.at = append(x.user[:0], user...), append(x.address[:0], address...), at
}

// of returns from where a user came, or nil.
func (c *clients) of(user []byte, at int64) []byte {
	if len(user) == 0 {
		return nil
	}
	if x := c.find(user, at); x != nil && len(x.address) > 0 {
		return x.address
	}
	return nil
}

// A keptClient is one as a checkpoint holds it.
type keptClient struct {
	User    []byte `json:"user"`
	Address []byte `json:"address,omitempty"`
	At      int64  `json:"at"`
}

// Sessions returns from where users came whose logins may go on, for a checkpoint; nil for none.
func (d *authProxy) Sessions() []byte {
	newest := int64(0)
	for i := range d.clients.all {
		newest = max(newest, d.clients.all[i].at)
	}
	var kept []keptClient
	for i := range mostClients {
		if x := &d.clients.all[(d.clients.next+i)%mostClients]; x.at > 0 && newest-x.at <= clientLife {
			kept = append(kept, keptClient{x.user, x.address, x.at})
		}
	}
	if kept == nil {
		return nil
	}
	b, err := json.Marshal(kept)
	if err != nil {
		return nil // bytes and numbers always can be
	}
	return b
}

// Restore makes the decoder go on with what Sessions returned. It is called after Reset.
func (d *authProxy) Restore(saved []byte) error {
	var kept []keptClient
	if err := json.Unmarshal(saved, &kept); err != nil {
		return fmt.Errorf("the logins of its checkpoint cannot be read: %w", err)
	}
	for _, k := range kept {
		d.clients.append(k.User, k.Address, k.At)
	}
	return nil
}
