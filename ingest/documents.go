package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// documentPart is how much of a log is turned into documents at once.
const documentPart = 4 << 20

// SayMFA makes documents say of each sign-in what the gateways do. It is asked by several goroutines.
func (r *Result) SayMFA(of func(*signin.SignIn) signin.MFA) { r.scan.mfa = of }

// Documents reads the logs a second time and gives the document of every counted sign-in to write,
// one per line, in the order of path and offset. It takes memory for a few parts, whatever the size
// of the logs. What was told twice is left out, as in Usage.
func (r *Result) Documents(ctx context.Context, write func(lines []byte) error) error {
	s := r.scan
	var parts []part
	for i := range s.logs {
		l := &s.logs[i]
		if !l.counted() {
			continue
		}
		spans := []tail.Span{{}}
		if l.cuttable() {
			spans = tail.Cut(l.Offset, documentPart)
		}
		for _, span := range spans {
			parts = append(parts, part{log: i, span: span, header: l.headerAt(span.From), whole: !l.cuttable()})
		}
	}
	type piece struct {
		part
		out []byte
	}
	stream := newWorker(s)
	return ordered(ctx, s.opt.Workers, len(parts), func() func(int) piece {
		w := newWorker(s)
		return func(i int) piece {
			p := piece{part: parts[i]}
			if !p.whole {
				w.documents(p.part, func(doc []byte) { p.out = append(p.out, doc...) })
			}
			return p
		}
	}, func(p piece) (err error) {
		if !p.whole {
			return write(p.out)
		}
		// What cannot be cut may be of any size: it is written as it is read.
		stream.documents(p.part, func(doc []byte) {
			if err == nil {
				err = write(doc)
			}
		})
		return err
	})
}

// documents gives the documents of a part's counted sign-ins to write, each with its line feed.
func (w *worker) documents(p part, write func(doc []byte)) {
	log := &w.scan.logs[p.log]
	var doc []byte
	w.read(p, func(l *line) {
		if l.verdict != signin.SignInLine || w.toldTwice(p.log, l) {
			return
		}
		doc = append(w.document(doc[:0], log, l), '\n')
		write(doc)
	})
}

// document appends the document of a line, its server spelled as everywhere in the result.
func (w *worker) document(b []byte, log *Log, l *line) []byte {
	if id, ok := w.scan.sum.serverID[short(l.s.Server)]; ok {
		l.s.Server = w.scan.sum.servers[id]
	}
	at := signin.Place{Path: log.Input.Path, ID: eventID(log.Name, l.offset, l.raw), Offset: l.offset, Length: len(l.raw)}
	if w.scan.mfa != nil {
		at.MFA = w.scan.mfa(l.s)
	}
	return signin.AppendDocument(b, l.s, at)
}

// eventID names a line for ever: by its log, its place and its bytes.
func eventID(log string, offset int64, raw []byte) string {
	h := sha256.New()
	h.Write([]byte(log))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(offset)))
	h.Write(raw)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))[:22]
}

// Cite reads the lines that refs point to a second time and returns what a finding shows of each. A
// line that is not there any more has no citation.
func (r *Result) Cite(refs []signin.Ref) map[signin.Ref]*signin.Citation {
	byLog := map[int][]signin.Ref{}
	for _, ref := range refs {
		byLog[ref.File] = append(byLog[ref.File], ref)
	}
	cited := make(map[signin.Ref]*signin.Citation, len(refs))
	w := newWorker(r.scan)
	for i, wanted := range byLog {
		log := &r.scan.logs[i]
		if !log.cuttable() {
			w.cite(part{log: i, whole: true}, wanted, cited)
			continue
		}
		for _, ref := range wanted {
			span := tail.Span{From: ref.Offset, To: ref.Offset + 1}
			w.cite(part{log: i, span: span, header: log.headerAt(ref.Offset)}, []signin.Ref{ref}, cited)
		}
	}
	return cited
}

func (w *worker) cite(p part, wanted []signin.Ref, cited map[signin.Ref]*signin.Citation) {
	at := make(map[int64]signin.Ref, len(wanted))
	for _, ref := range wanted {
		at[ref.Offset] = ref
	}
	log := &w.scan.logs[p.log]
	w.read(p, func(l *line) {
		ref, ok := at[l.offset]
		reserved := l.verdict == signin.Noise && l.s.Reserved
		if !ok || l.verdict != signin.SignInLine && l.verdict != signin.MFALine && !reserved {
			return
		}
		c := &signin.Citation{At: ref, SHA256: sha256.Sum256(l.raw)}
		if l.verdict == signin.SignInLine || reserved {
			c.Document = w.document(nil, log, l)
		}
		cited[ref] = c
	})
}

// An Explained is one line and what was made of it. SignIn is nil unless the line was decoded; it is
// borrowed until the next line.
type Explained struct {
	Log     *Log
	Line    int64 // from 1
	Offset  int64
	Length  int
	Verdict signin.Verdict
	Reason  string
	SignIn  *signin.SignIn
	Undated *signin.MFAFacts // of a line that tells of a second factor without a time; else nil
	Place   signin.Place
}

// Explain reads the inputs line by line and tells visit of every line, whatever it is. It ends at
// the first error of visit, or of ctx; a log that cannot be read to its end is told in its Log.
func Explain(ctx context.Context, inputs []tail.Input, opt Options, visit func(Explained) error) ([]Log, error) {
	opt.Workers = 1
	s := newScan(inputs, opt)
	if err := s.identifyAll(ctx); err != nil {
		return nil, err
	}
	s.plan()
	w := newWorker(s)
	for i := range s.logs {
		l := &s.logs[i]
		if l.State == Unreadable {
			continue
		}
		var failed error
		end := w.read(part{log: i, whole: true}, func(ln *line) {
			if failed != nil {
				return
			}
			if failed = ctx.Err(); failed == nil {
				failed = visit(explained(l, ln))
			}
		})
		if failed != nil {
			return nil, failed
		}
		if l.Err = end.err; l.Err != nil && l.State == Read {
			l.State = Incomplete
		}
	}
	return s.logs, nil
}

func explained(log *Log, l *line) Explained {
	e := Explained{Log: log, Line: l.number, Offset: l.offset, Length: len(l.raw), Verdict: l.verdict, Reason: l.reason, Undated: l.undated}
	if l.decoded {
		e.SignIn = l.s
		e.Place = signin.Place{Path: log.Input.Path, ID: eventID(log.Name, l.offset, l.raw), Offset: l.offset, Length: len(l.raw)}
	}
	return e
}
