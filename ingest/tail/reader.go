package tail

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
)

// A Reader yields the log bytes of one [Input] from its start. It belongs to one goroutine and must be closed.
type Reader struct {
	path string
	file *File
	disk *counter // the bytes on disk, as far as they were read
	log  io.Reader
	back *readAhead // what decompresses beside the caller; nil when that is not worth a goroutine
	n    int64      // log bytes delivered
	err  error      // sticky
}

// aheadFrom is the compressed size from which decompressing in a goroutine pays.
const aheadFrom = 64 << 10

func newReader(in Input, f *File) *Reader {
	r := &Reader{path: in.Path, file: f}
	if in.form == formPlain {
		r.disk = &counter{r: io.NewSectionReader(f, 0, f.size)}
		r.log = r.disk
		return r
	}
	from, size := int64(0), f.size
	if in.member != nil {
		from, size = in.member.offset, in.member.compressed
	}
	r.disk = &counter{r: io.NewSectionReader(f, from, size)}
	limited := func(src io.Reader) io.Reader {
		return &limiter{r: src, disk: r.disk, limits: in.limits, path: in.Path}
	}
	// No buffer is larger than a small archive needs: there may be thousands of them.
	buffered := func(src io.Reader) *bufio.Reader {
		return bufio.NewReaderSize(src, int(min(max(size, 4<<10), 128<<10)))
	}
	switch in.form {
	case formGzip:
		r.log = limited(&gzipStream{src: buffered(r.disk)})
	case formZip:
		r.log = limited(in.member.stream(buffered(r.disk)))
	case formZipGzip:
		r.log = limited(&gzipStream{src: buffered(limited(in.member.stream(buffered(r.disk))))})
	}
	if size >= aheadFrom {
		r.back = newReadAhead(r.log)
		r.log = r.back
	}
	return r
}

// Read implements [io.Reader]. After all bytes that could be had, it returns [io.EOF], or why there are no more: a
// *[TruncatedError], *[LimitError], *[ShrunkError], or an error of the operating system with what was being read.
func (r *Reader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.log.Read(p)
	r.n += int64(n)
	if err != nil {
		r.err = r.explain(err)
	}
	return n, r.err
}

// explain gives an error of any layer the form that Read promises.
func (r *Reader) explain(err error) error {
	var limit *LimitError
	switch {
	case err == io.EOF, errors.As(err, &limit):
		return err
	}
	if r.back != nil {
		r.back.stop() // it sent its last chunk; once it has ended the counter is ours
	}
	if r.disk.err != nil && r.disk.err != io.EOF {
		return r.disk.err
	}
	return &TruncatedError{Path: r.path, Delivered: r.n, Err: err}
}

// Close stops decompressing, waits until that has stopped, and closes the file.
func (r *Reader) Close() error {
	if r.back != nil {
		r.back.stop()
	}
	if r.err == nil {
		r.err = fmt.Errorf("reading %s: closed", r.path)
	}
	return r.file.Close()
}

// A TruncatedError says that an archive is damaged or ends too early. The bytes delivered before it are as they were
// compressed, except that after a checksum error any of them may be wrong.
type TruncatedError struct {
	Path      string
	Delivered int64 // log bytes that could be read
	Err       error // what the decompressor said: io.ErrUnexpectedEOF, gzip.ErrChecksum, flate.CorruptInputError, ...
}

func (e *TruncatedError) Error() string {
	return fmt.Sprintf("%s: archive is truncated or corrupt after %d bytes of log (%v): copy it again from its origin", e.Path, e.Delivered, e.Err)
}

func (e *TruncatedError) Unwrap() error { return e.Err }

// A gzipStream reads all members of a gzip file as one stream. The header is read with the first byte, so that a
// broken one is an error of reading, like every other damage.
type gzipStream struct {
	src *bufio.Reader
	z   *gzip.Reader
}

func (g *gzipStream) Read(p []byte) (int, error) {
	if g.z == nil {
		z, err := gzip.NewReader(g.src)
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return 0, err
		}
		g.z = z
	}
	return g.z.Read(p)
}

// A zipStream reads one zip member and checks its length and checksum against the archive's directory.
type zipStream struct {
	r    io.Reader
	sum  hash.Hash32
	left uint64 // bytes still to come
	want uint32
}

// stream decompresses the member from src, its bytes on disk.
func (m *member) stream(src *bufio.Reader) io.Reader {
	z := &zipStream{r: src, sum: crc32.NewIEEE(), left: m.expanded, want: m.crc}
	if m.deflated {
		z.r = flate.NewReader(src)
	}
	return z
}

func (z *zipStream) Read(p []byte) (int, error) {
	n, err := z.r.Read(p)
	z.sum.Write(p[:n])
	if uint64(n) > z.left {
		return n, errLonger
	}
	z.left -= uint64(n)
	switch {
	case err != io.EOF:
		return n, err
	case z.left > 0:
		return n, io.ErrUnexpectedEOF
	case z.want != 0 && z.want != z.sum.Sum32(): // 0: the writer did not say
		return n, gzip.ErrChecksum
	}
	return n, io.EOF
}

var errLonger = errors.New("zip: member is longer than the directory says")
