package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// A bar shows on standard error how much was read, if that is a terminal and nobody wants quiet.
type bar struct {
	mu   sync.Mutex
	w    io.Writer // nil: show nothing
	last int64
}

func (g *globals) progress() *bar {
	if g.quiet || !isTerminal(g.err) {
		return &bar{}
	}
	return &bar{w: g.err, last: -1}
}

func (b *bar) update(done, total int64) {
	if b.w == nil || total == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	percent := min(done*100/total, 100)
	if percent <= b.last {
		return
	}
	b.last = percent
	full := int(percent / 4)
	fmt.Fprintf(b.w, "\r  reading [%s%s] %3d %%", strings.Repeat("=", full), strings.Repeat(" ", 25-full), percent)
}

// done takes the bar away.
func (b *bar) done() {
	if b.w != nil && b.last >= 0 {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}
