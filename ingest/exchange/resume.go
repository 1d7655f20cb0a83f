package exchange

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// A keptSession is one as a checkpoint holds it.
type keptSession struct {
	Key       []byte `json:"key"`
	Account   []byte `json:"account,omitempty"`
	Mechanism []byte `json:"mechanism,omitempty"`
	Stage     stage  `json:"stage,omitempty"`
	Server    bool   `json:"server,omitempty"`
}

// save returns the open sessions for a checkpoint, the one that was silent longest first; nil for none.
func (s *sessions) save() []byte {
	if len(s.slots) == 0 || s.slots[0].newer == 0 {
		return nil
	}
	var all []keptSession
	for i := s.slots[0].newer; i != 0; i = s.slots[i].newer {
		x := &s.slots[i]
		all = append(all, keptSession{x.key, x.account, x.mechanism, x.stage, x.server})
	}
	b, err := json.Marshal(all)
	if err != nil {
		return nil // bytes, numbers and booleans always can be
	}
	return b
}

// load opens the sessions again that save returned.
func (s *sessions) load(saved []byte) error {
	var all []keptSession
	if err := json.Unmarshal(saved, &all); err != nil {
		return fmt.Errorf("the sessions of its checkpoint cannot be read: %w", err)
	}
	for _, k := range all {
		a, b, _ := bytes.Cut(k.Key, []byte{0})
		x := s.open(a, b)
		x.account, x.mechanism = append(x.account[:0], k.Account...), append(x.mechanism[:0], k.Mechanism...)
		x.stage, x.server = k.Stage, k.Server
	}
	return nil
}

// Sessions returns the accounts that USER named in sessions which go on, for a checkpoint.
func (d *mailbox) Sessions() []byte { return d.sessions.save() }

// Restore makes the decoder go on with the sessions of a checkpoint. It is called after Reset.
func (d *mailbox) Restore(saved []byte) error { return d.sessions.load(saved) }

// Sessions returns the logons that go on, for a checkpoint.
func (d *smtp) Sessions() []byte { return d.sessions.save() }

// Restore makes the decoder go on with the sessions of a checkpoint. It is called after Reset.
func (d *smtp) Restore(saved []byte) error { return d.sessions.load(saved) }

// Sessions returns, of a log without dates, the time of day of the last line: a time before it is tomorrow's.
func (d *iis) Sessions() []byte {
	if d.layout != nil && d.layout.named(iisDate) || !d.sure {
		return nil
	}
	return strconv.AppendInt(nil, d.began, 10)
}

// Restore makes the decoder go on with the time of a checkpoint. It is called after Reset.
func (d *iis) Restore(saved []byte) (err error) {
	if d.began, err = strconv.ParseInt(string(saved), 10, 64); err != nil {
		return fmt.Errorf("the time of its checkpoint cannot be read: %w", err)
	}
	return nil
}
