package tail

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// An Input is one stream of log bytes: a plain file, a gzip file, one member of a zip, or standard input. It is a
// value: copying it copies a name, and it holds no open file (but see [Cleanup]).
type Input struct {
	Path  string // as the user named it, with "/": "logs/a.log", "a.zip!dir/a.log", "-", "-!a.log"
	Disk  string // the file on disk that holds it, for the operating system; "" for standard input
	Size  int64  // bytes on disk when it was found: of an archive's member, compressed
	Plain bool   // can be read at any offset: OpenAt works, and Size counts log bytes

	src    source
	form   form
	member *member // of a zip; else nil
	limits Limits
}

// A form is what stands between the bytes on disk and the bytes of the log.
type form uint8

const (
	formPlain   form = iota
	formGzip         // gzip, one or more members, read as one stream
	formZip          // a zip member
	formZipGzip      // a gzip that is a zip member
)

// A source is where the bytes on disk are.
type source struct {
	disk  string
	spool *spool // standard input's; else nil
	open  func(string) (*os.File, error)
}

// openFile opens the bytes on disk as they stand. path is for messages.
func (s source) openFile(path string) (*File, error) {
	if s.spool != nil {
		return &File{r: s.spool.file, path: path, size: s.spool.size}, nil
	}
	f, err := s.open(s.disk)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = errNotRegular
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return &File{r: f, c: f, path: path, size: fi.Size()}, nil
}

var errNotRegular = errors.New("not a regular file")

// A File is the bytes on disk of an [Input], fixed at the size it had when it was opened: what is appended later is
// not seen. Several goroutines may read it at once.
type File struct {
	r    io.ReaderAt
	c    io.Closer // nil for a spool
	path string
	size int64
}

// Size returns the bytes that can be read.
func (f *File) Size() int64 { return f.size }

// ReadAt implements [io.ReaderAt]. At and beyond Size it returns [io.EOF]; where the file has become shorter than
// Size it returns what is left and a *[ShrunkError].
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	if off >= f.size {
		return 0, io.EOF
	}
	var atEnd error
	if rest := f.size - off; int64(len(p)) > rest {
		p, atEnd = p[:rest], io.EOF
	}
	n, err := f.r.ReadAt(p, off)
	switch {
	case n == len(p):
		return n, atEnd
	case errors.Is(err, io.EOF):
		return n, &ShrunkError{Path: f.path, Want: f.size, Got: off + int64(n)}
	}
	return n, fmt.Errorf("reading %s at byte %d: %w", f.path, off, err)
}

// Stat describes the open file, for its identity; it returns [fs.ErrInvalid] for standard input.
func (f *File) Stat() (fs.FileInfo, error) {
	if file, ok := f.c.(*os.File); ok {
		return file.Stat()
	}
	return nil, fs.ErrInvalid
}

// Close closes the file. It leaves a spool in place: see [Cleanup].
func (f *File) Close() error {
	if f.c == nil {
		return nil
	}
	return f.c.Close()
}

// OpenAt opens a plain input for reading at any offset. It fails for an archive: see Plain.
func (in Input) OpenAt() (*File, error) {
	if !in.Plain {
		return nil, fmt.Errorf("opening %s at an offset: it is compressed: %w", in.Path, errors.ErrUnsupported)
	}
	return in.src.openFile(in.Path)
}

// Open opens the input's log bytes from the start, decompressed. The error is about opening alone: what is wrong
// with the content comes from [Reader.Read].
func (in Input) Open() (*Reader, error) {
	f, err := in.src.openFile(in.Path)
	if err != nil {
		return nil, err
	}
	return newReader(in, f), nil
}

// Cleanup removes the temporary copy of standard input, if one of the inputs came from there, and is to be called
// when no input will be opened any more. Calling it twice, or for other inputs, does nothing.
func Cleanup(inputs []Input) error {
	var errs []error
	for _, in := range inputs {
		if in.src.spool != nil {
			errs = append(errs, in.src.spool.remove())
		}
	}
	return errors.Join(errs...)
}

// A ShrunkError says that a file became shorter while it was read: it was truncated or replaced, and what was read
// before may not stand in it any more.
type ShrunkError struct {
	Path string
	Want int64 // size in bytes when it was opened
	Got  int64 // bytes up to which it could be read
}

func (e *ShrunkError) Error() string {
	return fmt.Sprintf("%s: shrank from %d to %d bytes while it was read: read it again from the start", e.Path, e.Want, e.Got)
}
