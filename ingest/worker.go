package ingest

import (
	"errors"

	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// A part is a run of lines of one log that one worker reads at once.
type part struct {
	log    int
	span   tail.Span
	header []byte // in force before it
	whole  bool   // the log is not cut
	from   int64  // where in a whole log its reading begins
	data   []byte // the bytes themselves, where they are at hand
	first  bool   // the log's first part
	last   bool
}

// A line is what a worker found one line to be. Everything in it is borrowed until the next line.
type line struct {
	verdict signin.Verdict
	reason  string
	decoded bool             // s and its facts are filled
	undated *signin.MFAFacts // what it tells of a second factor, where it does not say when; else nil
	s       *signin.SignIn
	raw     []byte
	offset  int64
	size    int64
	number  int64 // from 1, within the part
}

// A worker decodes and classifies the lines of parts. It serves one goroutine.
type worker struct {
	scan       *scan
	classifier *signin.Classifier
	judge      Judge
	scanner    tail.Scanner
	decoders   map[reader]Decoder
	facts      signin.Facts
	sign       signin.SignIn
	tally      *tally
	ticks      []signin.Tick
	ticked     bool              // some line of the part was counted in a window
	servers    map[string]string // names that lines gave, so that a line makes no string
	lastName   string            // the last of them, mostly that of the next line
	lastServer string
	proxied    lookup
	iis        lookup
	ids        [2][]byte // of the last sign-in to the cloud
}

func newWorker(s *scan) *worker {
	w := &worker{scan: s, classifier: signin.NewClassifier(&s.opt.Org), decoders: map[reader]Decoder{}, servers: map[string]string{}}
	if s.opt.NewJudge != nil {
		w.judge = s.opt.NewJudge()
	}
	return w
}

// An ending is what a part leaves to the part behind it.
type ending struct {
	header []byte // in force at its end
	offset int64  // behind its last complete line
	err    error
}

// read gives every line of p to visit, in order.
func (w *worker) read(p part, visit func(*line)) ending {
	log := &w.scan.logs[p.log]
	close, err := w.open(log, p)
	if err != nil {
		return ending{err: err, offset: p.span.From}
	}
	defer close()
	var dec Decoder
	if log.decode {
		dec = w.decoder(log.Format)
		dec.Reset(p.header)
	}
	l := line{s: &w.sign}
	end := ending{offset: p.span.From}
	sc := &w.scanner
	for sc.Next() {
		if l.number++; l.number&0xfff == 0 && w.scan.stopped.Load() {
			break
		}
		l.raw, l.offset, l.size = sc.Raw(), sc.Offset(), sc.Size()
		w.understand(log, dec, sc, &l)
		visit(&l)
		end.offset = l.offset + l.size
	}
	if dec != nil {
		end.header = append(end.header, dec.Header()...)
	}
	if log.framed() {
		end.offset = max(end.offset, sc.Offset()) // what stands behind the last record was read too
	}
	end.err = sc.Err()
	return end
}

func (w *worker) open(log *Log, p part) (close func() error, err error) {
	if p.whole {
		r, err := log.Input.Open()
		if err != nil {
			return nil, err
		}
		if err := log.records(&w.scanner, r, 0, nil); err != nil {
			return nil, errors.Join(err, r.Close())
		}
		return r.Close, nil
	}
	f, err := log.Input.OpenAt()
	if err != nil {
		return nil, err
	}
	w.scanner.ResetSpan(f, p.span)
	return f.Close, nil
}

// A reader is what tells the decoders of a worker apart: one kind of log may be written in several forms.
type reader struct {
	kind signin.Kind
	name string // of the Format
}

func (w *worker) decoder(f Format) Decoder {
	r := reader{f.Kind, f.Name}
	d := w.decoders[r]
	if d == nil {
		d = f.Decoder()
		w.decoders[r] = d
	}
	return d
}

const (
	reasonUnfinished = "unfinished: the file ends in the middle of this line"
	reasonPadding    = "padding: NUL bytes that were reserved and never written"
	reasonTooLong    = "longer than 1 MiB"
	reasonBlank      = "blank"
	reasonDirective  = "header"
	reasonCopy       = "of a copy: counted once"
)

// ReasonOutside is why a line outside of Options.Since and Until is other.
const ReasonOutside = "outside --since and --until"

// understand fills l from the line that the scanner stands on.
func (w *worker) understand(log *Log, dec Decoder, sc *tail.Scanner, l *line) {
	l.decoded, l.undated = false, nil
	switch {
	case dec == nil:
		l.verdict, l.reason = signin.OtherLine, log.Why
		if log.State == Duplicate {
			l.reason = reasonCopy
		}
		return
	case sc.State() == tail.TooLong:
		l.verdict, l.reason = signin.Malformed, reasonTooLong
		return
	case sc.State() == tail.Padding:
		l.verdict, l.reason = signin.OtherLine, reasonPadding
		return
	case sc.State() == tail.Unfinished:
		l.verdict, l.reason = signin.OtherLine, reasonUnfinished
		return
	}
	f := &w.facts
	switch dec.Decode(sc.Text(), f) {
	case Blank:
		l.verdict, l.reason = signin.OtherLine, reasonBlank
	case Directive:
		l.verdict, l.reason = signin.Directive, reasonDirective
	case Malformed:
		l.verdict, l.reason = signin.Malformed, f.Note
	case Other:
		l.verdict, l.reason = signin.OtherLine, f.Note
	case Undated:
		l.verdict, l.reason, l.undated = signin.MFALine, f.Note, f.MFA
	default:
		if f.Time < w.scan.opt.Since || w.scan.opt.Until > 0 && f.Time >= w.scan.opt.Until {
			l.verdict, l.reason = signin.OtherLine, ReasonOutside
			return
		}
		w.classifier.Classify(f, l.s)
		l.s.Server = w.server(log, f)
		l.verdict, l.reason, l.decoded = l.s.Verdict, l.s.Reason, true
	}
}

// server names the server that wrote the line: by the line's own word, else by what is known of the
// log, else by the address that took the connection.
func (w *worker) server(log *Log, f *signin.Facts) string {
	name := f.Server
	if len(name) == 0 {
		if log.owner != "" {
			return log.owner
		}
		name = f.ServerAddr
	}
	if string(name) == w.lastName {
		return w.lastServer
	}
	if known, ok := w.servers[string(name)]; ok {
		w.lastName, w.lastServer = string(name), known
		return known
	}
	if len(w.servers) >= maxServers {
		if w.tally != nil {
			w.tally.over = true
		}
		return otherServers
	}
	is := string(name)
	if len(f.Server) == 0 {
		if ip, ok := signin.ParseHost(is); ok && w.scan.names[ip] != "" {
			is = w.scan.names[ip]
		}
	}
	is = short(is) // or rules would see two servers where there is one
	w.servers[string(name)] = is
	return is
}

// A log may claim any number of servers; an organisation has few.
const (
	maxServers   = 4096
	otherServers = "(other servers)"
)
