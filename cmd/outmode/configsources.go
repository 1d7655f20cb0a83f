package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// A checkedSource is what stands at a source of the configuration.
type checkedSource struct {
	Path   string         `json:"path"`
	Files  int            `json:"files"`
	Kinds  map[string]int `json:"kinds"`  // files by kind, as their content tells it
	Other  int            `json:"other"`  // files that are no log that is counted
	Unread int            `json:"unread"` // files and folders that cannot be read
}

// excludes reports whether a file or folder of the source is left out: its name or its path fits.
func (s *configSource) excludes(name string) bool {
	return slices.ContainsFunc(s.Exclude, func(p string) bool { return rules.Glob(p, path.Base(name)) || rules.Glob(p, name) })
}

// logs lists every source.
func (k *configChecker) logs(ctx context.Context) error {
	if len(k.config.Sources) == 0 && !k.wrong["sources"] {
		k.about("sources", isWarning, "sources is empty: serve reads only the paths that it is given; \"outmode config init --logs PATH\" writes them here")
	}
	left := k.config.organisation()
	if _, err := left.noise(); err != nil {
		return fmt.Errorf("organisation.exclude: %w", err)
	}
	for i := range k.config.Sources {
		s := &k.config.Sources[i]
		name := fmt.Sprintf("sources[%d]", i)
		if k.wrong[name] || k.wrong[name+".path"] || k.wrong[name+".exclude"] {
			continue
		}
		out := func(path string) bool { return s.excludes(path) || left.excludesFile(path) }
		if err := k.source(ctx, s, name+".path", out); err != nil {
			return err
		}
	}
	return nil
}

// source opens every file of one source and tells from its head what it is.
func (k *configChecker) source(ctx context.Context, s *configSource, name string, exclude func(string) bool) error {
	inputs, problems := tail.Find([]string{s.Path}, tail.FindOptions{Exclude: exclude})
	c := checkedSource{Path: s.Path, Files: len(inputs), Kinds: map[string]int{}}
	var unread []string
	for _, p := range problems {
		switch {
		case p.Reason == tail.NoMatch:
			k.about(name, isWarning, "%s: %v; a log that comes later is found", name, p)
		case p.Reason == tail.NoFiles:
			k.about(name, isWarning, "%s: %v", name, p)
		case p.Severity == tail.Missing:
			k.about(name, isError, "%s: %v", name, p)
		case p.Severity == tail.Unread:
			unread = append(unread, p.Error())
		}
	}
	why, others := "", 0
	logs := k.config.logs()
	recognize, declared := recognizer(logs), declarer(logs)
	for _, in := range inputs {
		if ctx.Err() != nil {
			return fmt.Errorf("the check was stopped: %w", context.Cause(ctx))
		}
		switch f, err := formatOf(in, recognize, declared); {
		case err != nil:
			unread = append(unread, err.Error())
		case f.Name == mfa.ManyMappings:
			c.Other, why = c.Other+1, ""
			k.about(name, isError, "%s: %s: %s", name, in.Path, f.Skip)
		case f.Kind == signin.UnknownKind:
			c.Other, why = c.Other+1, fmt.Sprintf("%s is not: %s", in.Path, f.Skip)
		default:
			c.Kinds[f.Kind.String()]++
			if s.Kind != "auto" && f.Kind.String() != s.Kind {
				others++
			}
		}
	}
	c.Unread = len(unread)
	for i, text := range unread {
		const most = 10
		if i == most {
			k.about(name, isError, "%s: %s more cannot be read", name, number(len(unread)-most))
			break
		}
		k.about(name, isError, "%s: %s", name, text)
	}
	if others > 0 {
		k.about(name, isWarning, "%s: %s not of kind %s, as kind says, but %s; write kind: auto", name, plural(others, "file"), s.Kind, c.kinds())
	}
	if c.Files > 0 && c.Other == c.Files && why != "" {
		k.about(name, isWarning, "%s: no file there is a log that is counted; %s", name, why)
	}
	k.sources = append(k.sources, c)
	return nil
}

// kinds lists what was found: "3 httpproxy, 1 iis".
func (c *checkedSource) kinds() string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(c.Kinds)) {
		parts = append(parts, number(c.Kinds[kind])+" "+kind)
	}
	if c.Other > 0 {
		parts = append(parts, number(c.Other)+" no log")
	}
	return strings.Join(parts, ", ")
}

// formatOf tells what a log is from its head, as reading it would.
func formatOf(in tail.Input, recognize func(head []byte) ingest.Format, declared func(file string, head []byte) ingest.Format) (ingest.Format, error) {
	const headSize = 64 << 10
	r, err := in.Open()
	if err != nil {
		return ingest.Format{}, err
	}
	defer r.Close()
	head := make([]byte, headSize)
	n, err := io.ReadFull(r, head)
	if n == 0 && err != nil && !errors.Is(err, io.EOF) {
		return ingest.Format{}, err
	}
	var text []byte // without a byte order mark, whatever the encoding
	for sc := tail.NewScanner(bytes.NewReader(head[:n])); sc.Next(); {
		text = append(append(text, sc.Text()...), '\n')
	}
	f := recognize(text)
	if f.Decoder == nil && declared != nil {
		if g := declared(in.Path, text); g.Name != "" {
			return g, nil
		}
	}
	return f, nil
}
