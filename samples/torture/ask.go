package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A program is the outmode under test and its store.
type program struct {
	bin, data string
}

// A ledger is what `outmode sources -o json` prints.
type ledger struct {
	Sources []source `json:"sources"`
}

type source struct {
	Path   string `json:"path"`
	Kind   string `json:"kind"`
	Server string `json:"server"`
	Size   int64  `json:"size"`
	Offset int64  `json:"offset"`
	State  string `json:"state"`
	Lines  lines  `json:"lines"`
	Gaps   []gap  `json:"gaps"`
}

// A gap is what the ledger says was not read. Its ends are offsets or instants, to be shown and no more.
type gap struct {
	From   any    `json:"from"`
	To     any    `json:"to"`
	Reason string `json:"reason"`
}

// A usage is what `outmode usage -o json` prints, as far as it is judged here.
type usage struct {
	Lines   lines `json:"lines"`
	SignIns struct {
		Lines     int64 `json:"lines"`
		Counted   int64 `json:"counted"`
		ToldTwice int64 `json:"told_twice"`
	} `json:"signins"`
	Usage []usageRow `json:"usage"`
}

type usageRow struct {
	Server   string `json:"server"`
	Dataset  string `json:"dataset"`
	User     string `json:"user"`
	Protocol string `json:"protocol"`
	Auth     string `json:"auth"`
	Outcome  string `json:"outcome"`
	Count    int64  `json:"count"`
}

// patience is how long a question may take. A longer one hangs.
const patience = time.Minute

func (p *program) sources(ctx context.Context) (ledger, error) {
	var l ledger
	err := p.ask(ctx, &l, "sources", "--data", p.data, "-o", "json")
	for i := range l.Sources {
		l.Sources[i].Path = filepath.ToSlash(filepath.Clean(filepath.FromSlash(l.Sources[i].Path)))
	}
	return l, err
}

func (p *program) usage(ctx context.Context) (usage, error) {
	var u usage
	return u, p.ask(ctx, &u, "usage", "--data", p.data, "-o", "json")
}

func (p *program) check(ctx context.Context) error {
	return p.ask(ctx, nil, "store", "check", "--data", p.data)
}

// exitIncomplete is outmode's code for an answer about logs that were not readable in whole.
const exitIncomplete = 3

// ask runs a command and reads its JSON.
func (p *program) ask(ctx context.Context, into any, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var out, messages bytes.Buffer
	cmd := exec.CommandContext(ctx, p.bin, args...)
	cmd.Stdout, cmd.Stderr = &out, &messages
	err := cmd.Run()
	if ctx.Err() == context.DeadlineExceeded {
		err = fmt.Errorf("no answer after %s", patience)
	}
	var exit *exec.ExitError
	if into != nil && errors.As(err, &exit) && exit.ExitCode() == exitIncomplete {
		err = nil // answered; some log has more malformed lines than usual, and these have
	}
	if err == nil && into != nil {
		err = json.Unmarshal(out.Bytes(), into)
	}
	if err != nil {
		said := strings.TrimSpace(tailOf(messages.String(), 600))
		if into == nil && said == "" {
			said = strings.TrimSpace(tailOf(out.String(), 600))
		}
		return fmt.Errorf("outmode %s: %w: %s", strings.Join(args, " "), err, said)
	}
	return nil
}

// tailOf is the end of a long text.
func tailOf(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "..." + s[len(s)-n:]
}
