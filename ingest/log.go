package ingest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"sort"
	"strings"

	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// A State is how far a log could be read.
type State string

// The states of a log.
const (
	Read       State = "read"        // to its end
	Duplicate  State = "duplicate"   // its lines were counted from another log
	NotCounted State = "not_counted" // it is not a log that is counted
	Incomplete State = "incomplete"  // read in part: see Err
	Unreadable State = "unreadable"  // not at all: see Err
	Gone       State = "gone"        // not on disk any more, in a ledger
)

// A Log is one input: what it is, and what became of its lines.
type Log struct {
	Input  tail.Input
	Format Format
	Name   string // what the log is counted by: its kind and the hash of its first data line; "" without one
	State  State
	Why    string // why it is not counted, or of which log it is a copy
	Err    error  // what ended reading too early
	Server string // the server whose log it is, as far as it is known
	Lines  signin.Lines
	Offset int64 // how far it was read, in decompressed bytes
	First  int64 // the earliest and the latest event, Unix milliseconds; 0 without one
	Last   int64
	Causes Causes // why lines were malformed

	// What workers go by while they read; set before the first of them begins.
	id       int64 // in a ledger
	head     [32]byte
	headSize int64  // see Source.Head: what is read must begin so
	owner    string // the server whose log it is, where its lines do not say so
	decode   bool   // its lines are decoded; else they are only counted
	encoding tail.Encoding
	header   []byte // in force at the first data line
	heads    []head // every header, once the log was read
	marks    []mark // how many lines there are before each part
}

// Folder is the directory that the log stands in, which may be one within an archive.
func (l *Log) Folder() string {
	if archive, member, ok := strings.Cut(l.Input.Path, "!"); ok && !l.Input.Plain {
		return archive + "!" + strings.TrimSuffix(path.Dir(member), ".")
	}
	return path.Dir(l.Input.Path)
}

// A mark is a part of a log as it was read: where it is, how many lines stand before it, the time of
// its events, 0 if it has none, and whether any was counted in a window.
type mark struct {
	span     tail.Span
	lines    int64
	from, to int64
	ticked   bool
}

// take adds what was read of the log's next part.
func (l *Log) take(r *partResult) {
	l.marks = append(l.marks, mark{r.span, l.Lines.Total, r.from, r.to, r.ticked})
	l.Lines.Add(r.lines)
	l.Causes.Merge(r.causes)
	for _, h := range r.heads {
		l.heads = noteHead(l.heads, h.offset, h.header)
	}
	l.Offset = max(l.Offset, r.end.offset)
	if l.Server == "" {
		l.Server = cmp.Or(l.owner, r.server)
	}
	if r.from != 0 {
		if l.First == 0 || r.from < l.First {
			l.First = r.from
		}
		l.Last = max(l.Last, r.to)
	}
	if r.end.err != nil && l.Err == nil {
		l.Err = r.end.err
		if l.State == Read {
			l.State = Incomplete
		}
	}
}

// lineAt is the number in the log of a line that is the n-th of the part it stands in.
func (l *Log) lineAt(offset, n int64) int64 {
	i := sort.Search(len(l.marks), func(i int) bool { return l.marks[i].span.From > offset })
	if i == 0 {
		return n
	}
	return l.marks[i-1].lines + n
}

// forget makes the log one that was not read yet.
func (l *Log) forget() {
	l.Lines, l.Causes, l.heads, l.marks = signin.Lines{}, nil, nil, nil
	l.Offset, l.First, l.Last, l.Server, l.owner = 0, 0, 0, "", ""
	if l.State == Incomplete {
		l.State, l.Err = Read, nil
	}
}

// counted reports whether the log's lines are decoded.
func (l *Log) counted() bool { return l.State == Read || l.State == Incomplete }

// An identifier tells what logs are. It keeps its buffers from one to the next: of small logs there are many.
type identifier struct {
	recognize func([]byte) Format
	declared  func(path string, head []byte) Format
	raw       [headSize]byte
	n         int  // of raw
	growing   bool // files may grow: a line without an end is not looked at
	lines     tail.Scanner
}

// identify opens a log, tells from its head what it is, and names it. It also returns the addresses
// that servers give themselves in the head, with their names where those are logged too.
func (id *identifier) identify(in tail.Input) (l Log, servers map[string]string) {
	l, id.n = Log{Input: in, State: Read}, 0
	r, err := in.Open()
	if err != nil {
		l.State, l.Err = Unreadable, err
		return l, nil
	}
	defer r.Close()
	n, err := io.ReadFull(r, id.raw[:])
	raw := id.raw[:n]
	id.n = n
	if n == 0 && err != nil && !errors.Is(err, io.EOF) {
		l.State, l.Err = Unreadable, err
		return l, nil
	}
	l.encoding = tail.EncodingOf(raw)
	if id.growing && n < headSize && l.encoding == tail.UTF8 {
		raw = raw[:bytes.LastIndexByte(raw, '\n')+1]
	}
	l.Format = id.know(in.Path, text(raw))
	if len(raw) < n { // a record may end without a line end
		if l.Format.Decoder == nil {
			if f := id.know(in.Path, text(id.raw[:n])); f.Framing != tail.Lines {
				l.Format = f
			}
		}
		if l.framed() {
			raw = id.raw[:n]
		}
	}
	if l.Format.Decoder == nil {
		l.State, l.Why = NotCounted, l.Format.Skip
		return l, nil
	}
	servers = id.readHead(&l, raw)
	if l.Name == "" && n == headSize {
		// The first line behind the header, which names the log, does not end here: a cookie can be long.
		more, _ := io.ReadAll(io.LimitReader(r, tail.MaxLine))
		servers = id.readHead(&l, append(raw[:n:n], more...))
	}
	return l, servers
}

// know tells what a file is. What is known and not counted may be what the operator declares.
func (id *identifier) know(path string, head []byte) Format {
	f := id.recognize(head)
	if f.Decoder == nil && id.declared != nil {
		if g := id.declared(path, head); g.Name != "" {
			return g
		}
	}
	return f
}

// text is the head as its decoder will see it.
func text(raw []byte) []byte {
	if tail.EncodingOf(raw) == tail.UTF8 {
		return bytes.TrimPrefix(raw, []byte("\xEF\xBB\xBF"))
	}
	var out []byte
	for sc := tail.NewScanner(bytes.NewReader(raw)); sc.Next(); {
		out = append(append(out, sc.Text()...), '\n')
	}
	return out
}

// readHead names the log by its first complete data line and remembers the header in force there.
func (id *identifier) readHead(l *Log, raw []byte) map[string]string {
	servers := map[string]string{}
	dec := l.Format.Decoder()
	dec.Reset(nil)
	var f signin.Facts
	lines := 0
	sc := &id.lines
	if err := l.records(sc, bytes.NewReader(raw), 0, nil); err != nil {
		l.State, l.Err = Unreadable, err
		return nil
	}
	for sc.Next() && sc.State() != tail.Unfinished {
		d := dec.Decode(sc.Text(), &f)
		if d == Directive || d == Blank {
			continue
		}
		if l.Name == "" {
			sum := sha256.Sum256(sc.Text()) // a copy in UTF-16 has the same name
			l.Name = fmt.Sprintf("%s:%x", l.Format.Kind, sum[:16])
			l.header = bytes.Clone(dec.Header())
		}
		if d == Facts && len(f.ServerAddr) > 0 && servers[string(f.ServerAddr)] == "" {
			servers[string(f.ServerAddr)] = string(f.Server)
		}
		if lines++; lines >= headLines {
			break
		}
	}
	return servers
}

// findCopies marks the logs that were met before under another path. A log's name only nominates:
// two are one where the bytes of the shorter begin the longer, or, where one is a copy in UTF-16, its
// lines. The longest is the one that counts.
func findCopies(ctx context.Context, logs []Log) error {
	byName := map[string][]int{}
	for i := range logs {
		if logs[i].counted() && logs[i].Name != "" {
			byName[logs[i].Name] = append(byName[logs[i].Name], i)
		}
	}
	for i := range logs {
		same := byName[logs[i].Name]
		if len(same) > 1 && same[0] == i {
			if err := markCopies(ctx, logs, same); err != nil {
				return err
			}
		}
	}
	return nil
}

func markCopies(ctx context.Context, logs []Log, same []int) error {
	for n, i := range same {
		for _, j := range same[:n] {
			if logs[i].State == Duplicate || logs[j].State == Duplicate {
				continue
			}
			kept, copied := j, i
			r, err := relate(ctx, &logs[j], &logs[i])
			if err != nil {
				return err
			}
			switch r {
			case tail.Different:
				continue
			case tail.FirstInSecond:
				kept, copied = i, j
			}
			logs[copied].State = Duplicate
			logs[copied].Why = "a copy of " + logs[kept].Input.Path
		}
	}
	return nil
}

// relate compares two logs. What can be read of a damaged one is compared all the same: reading it says that it is
// damaged. The only error is that of ctx.
func relate(ctx context.Context, a, b *Log) (tail.Relation, error) {
	if a.encoding != b.encoding {
		return relateLines(ctx, a, b), ctx.Err()
	}
	r, _ := tail.Relate(ctx, a.Input, b.Input)
	return r, ctx.Err()
}

// relateLines compares two logs of different encodings line by line, or record by record, up to the end of the shorter.
func relateLines(ctx context.Context, a, b *Log) tail.Relation {
	var scanners [2]tail.Scanner
	for i, l := range []*Log{a, b} {
		r, err := l.Input.Open()
		if err != nil {
			return tail.Different
		}
		defer r.Close()
		if err := l.records(&scanners[i], tail.Stoppable(ctx, r), 0, nil); err != nil {
			return tail.Different
		}
	}
	x, y := &scanners[0], &scanners[1]
	for {
		moreX, moreY := x.Next(), y.Next()
		switch {
		case !moreX && !moreY:
			return tail.Same
		case !moreX:
			return tail.FirstInSecond
		case !moreY:
			return tail.SecondInFirst
		case !bytes.Equal(x.Text(), y.Text()):
			return tail.Different
		}
	}
}

// Causes counts lines by why they are what they are. The reasons are constants: a short list.
type Causes []Cause

// A Cause is one reason and how many lines it holds for.
type Cause struct {
	Reason string
	Lines  int64
}

// Add counts n lines for a reason.
func (c *Causes) Add(reason string, n int64) {
	for i := range *c {
		if (*c)[i].Reason == reason {
			(*c)[i].Lines += n
			return
		}
	}
	*c = append(*c, Cause{reason, n})
}

// Merge adds the counts of o.
func (c *Causes) Merge(o Causes) {
	for _, r := range o {
		c.Add(r.Reason, r.Lines)
	}
}

// short is what two spellings of one computer's name have in common: upper case, as Windows spells it, without a
// domain.
func short(name string) string {
	name = strings.ToUpper(name)
	if host, _, ok := strings.Cut(name, "."); ok && strings.Trim(name, "0123456789.") != "" && !strings.Contains(name, "/") {
		return host
	}
	return name
}

// ShortName is the name by which a server is known everywhere: without its domain, in upper case.
func ShortName(name string) string { return short(name) }
