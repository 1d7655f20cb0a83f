package main

import (
	"context"
	"sync"
	"time"
)

// A pen lets a fleet write in real time, beside whoever looks at its account.
type pen struct {
	mu    sync.Mutex
	fleet *fleet
}

// tick is how often the pen writes. It is short against everything that the daemon does.
const tick = 5 * time.Millisecond

// run writes rate lines a second until ctx ends.
func (p *pen) run(ctx context.Context, rate int) error {
	return paced(ctx, rate, func(n int) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.fleet.write(n)
	})
}

// look shows the account while nobody writes.
func (p *pen) look(see func(*tally)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	see(p.fleet.tally)
}

// paced calls write so that rate lines a second are written. After a pause that the machine made, it catches up.
func paced(ctx context.Context, rate int, write func(n int) error) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	start, done := time.Now(), 0
	for {
		if n := int(time.Since(start).Seconds()*float64(rate)) - done; n > 0 {
			if err := write(n); err != nil {
				return err
			}
			done += n
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
