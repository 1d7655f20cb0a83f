package tail

import "io"

// A Span is a range of a file's bytes: From is the first, To the first behind it. The lines of a span are those that
// begin in it; the last of them may end behind it. So the lines of adjoining spans are the lines of the whole, each
// once, wherever the cuts fall.
type Span struct{ From, To int64 }

// Cut divides a file of size bytes into spans of part bytes, the last one shorter. Only UTF-8 files may be cut: see
// [EncodingOf].
func Cut(size, part int64) []Span {
	if size <= 0 {
		return nil
	}
	if part <= 0 {
		part = size
	}
	spans := make([]Span, 0, (size-1)/part+1)
	for from := int64(0); from < size; from += part {
		spans = append(spans, Span{From: from, To: min(part, size-from) + from})
	}
	return spans
}

// ResetSpan makes s yield the lines of file that begin in span. A span that begins at 0 may be of any encoding,
// which is told by the first bytes; any other is UTF-8. To go on at the known begin of a line in a UTF-16 file, use
// Reset with a section of it.
func (s *Scanner) ResetSpan(file io.ReaderAt, span Span) {
	from := span.From
	if from > 0 {
		from-- // a line begins at From if the byte before it is LF
	}
	s.Reset(nil, from, Detect)
	s.limit = span.To
	s.midLine = span.From > 0
	if s.midLine {
		s.encoding = UTF8
	}
	s.span = spanReader{file: file, off: from, to: span.To}
	s.r = &s.span
}

// A spanReader reads file from off on, in steps that become small behind to, where only one line has to be ended.
type spanReader struct {
	file    io.ReaderAt
	off, to int64
}

func (r *spanReader) Read(p []byte) (int, error) {
	const beyond = 16 << 10
	p = p[:min(int64(len(p)), max(r.to-r.off, 0)+beyond)]
	n, err := r.file.ReadAt(p, r.off)
	r.off += int64(n)
	return n, err
}
