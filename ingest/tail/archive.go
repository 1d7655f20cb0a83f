package tail

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A content is what the first bytes of a file say it is. Names are never asked.
type content uint8

const (
	contentOther   content = iota // a log, or at least nothing to unpack
	contentGzip                   // a log, compressed
	contentZip                    // logs, packed
	contentForeign                // an archive that is not read
)

// headSize is how many bytes contentOf wants to see, if there are as many.
const headSize = 512

func contentOf(head []byte) content {
	begins := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	switch {
	case begins("\x1f\x8b\x08"), string(head) == "\x1f\x8b":
		return contentGzip
	case begins("PK\x03\x04"), begins("PK\x05\x06"), begins("PK\x07\x08"):
		return contentZip
	case begins("\xfd7zXZ\x00"), begins("\x28\xb5\x2f\xfd"), begins("7z\xbc\xaf\x27\x1c"), begins("Rar!\x1a\x07"):
		return contentForeign
	case begins("BZh") && len(head) >= 10 && string(head[4:10]) == "1AY&SY":
		return contentForeign
	}
	return contentOther
}

// A member is where one file of a zip stands in it.
type member struct {
	offset     int64 // of the compressed bytes
	compressed int64
	expanded   uint64
	crc        uint32
	deflated   bool // else stored
}

// A memberID names a member of a zip whatever way the zip was reached by.
type memberID struct {
	zip  fileID
	name string // as it is printed
}

// memberOf lists one member of a zip, if arg is its path: a file, "!" and the member's name. Either may hold a "!" of its
// own; it is the longest file there is that counts. It reports whether arg may be such a path.
func (w *finder) memberOf(arg string) bool {
	for at := strings.LastIndexByte(arg, '!'); at > 0; at = strings.LastIndexByte(arg[:at], '!') {
		disk := arg[:at]
		fi, err := os.Stat(disk)
		if err != nil || !fi.Mode().IsRegular() {
			continue
		}
		path := filepath.ToSlash(disk)
		in := Input{Path: path, Disk: disk, src: source{disk: disk, open: w.opt.open}}
		w.list(in, identify(disk, fi), path+"!"+printable(arg[at+1:]))
		return true
	}
	return false
}

// zip lists the members of the zip f as inputs like in, which is the archive itself; only the one that is wanted, if
// there is one.
func (w *finder) zip(in Input, f *File, id fileID, wanted string) {
	files, err := w.zipDirectory(f)
	if err != nil {
		reason := CorruptZip
		if limit := (*LimitError)(nil); errors.As(err, &limit) {
			reason = TooMany
		}
		w.problem(Problem{Path: in.Path, Reason: reason, Err: err, Severity: Unread})
		return
	}
	named := make(map[string]bool, len(files))
	for _, zf := range files {
		if strings.HasSuffix(zf.Name, "/") || strings.HasSuffix(zf.Name, `\`) {
			continue // a directory
		}
		m := in
		m.Path += "!" + printable(zf.Name)
		if wanted == "" && w.excluded(m.Path) {
			continue
		}
		first := m.Path
		for n := 2; named[m.Path]; n++ {
			m.Path = fmt.Sprintf("%s#%d", first, n)
		}
		named[m.Path] = true
		if wanted != "" && m.Path != wanted {
			continue
		}
		key := memberID{id, m.Path[len(in.Path):]}
		if before, ok := w.members[key]; ok {
			w.problem(Problem{Path: m.Path, Reason: SameFile, Other: before, Severity: Note})
			continue
		}
		w.members[key] = m.Path
		if m.Path != first && wanted == "" {
			w.problem(Problem{Path: first, Reason: SameName, Other: m.Path, Severity: Note})
		}
		w.member(m, f, zf)
	}
	if wanted != "" && !named[wanted] {
		w.problem(Problem{Path: wanted, Reason: NoMember, Other: nearMember(named, in.Path, wanted), Severity: Missing})
	}
}

// nearMember returns the first of the members whose name differs from the wanted one in the case of letters, or in the
// directories alone, or that lies in a directory of that name; or "". All are paths that begin with that of the archive.
func nearMember(members map[string]bool, archive, wanted string) (near string) {
	name := wanted[len(archive)+1:]
	for m := range members {
		has := m[len(archive)+1:]
		if strings.EqualFold(path.Base(has), path.Base(name)) || strings.HasPrefix(has, strings.TrimSuffix(name, "/")+"/") {
			if near == "" || m < near {
				near = m
			}
		}
	}
	return near
}

// zipDirectory returns the members of the zip f. It refuses, before they take memory or time, more members than
// allowed and members that share bytes, with which a small file can stand for petabytes.
func (w *finder) zipDirectory(f *File) ([]*zip.File, error) {
	tooMany := &LimitError{Path: f.path, Limit: LimitMembers, Allowed: int64(w.opt.Limits.MaxMembers)}
	zr, err := zip.NewReader(&zipGuard{r: f, entries: w.opt.Limits.MaxMembers, err: tooMany}, f.size)
	switch {
	case err != nil && !errors.Is(err, zip.ErrInsecurePath): // nothing is unpacked: any name will do
		return nil, err
	case len(zr.File) > w.opt.Limits.MaxMembers:
		return nil, tooMany
	}
	if len(zr.File) > 0 && !beginsWithMember(f, zr.File) {
		return nil, errors.New("truncated: the directory is that of a zip inside")
	}
	left := uint64(f.size)
	for _, zf := range zr.File {
		if zf.CompressedSize64 > left {
			return nil, errors.New("members overlap")
		}
		left -= zf.CompressedSize64
	}
	return zr.File, nil
}

// beginsWithMember reports whether one of files stands at the start of the zip f. archive/zip takes any bytes before
// the first member for a program that unpacks it, and so would take a zip that was cut behind a member which is
// itself a zip for the latter.
func beginsWithMember(f *File, files []*zip.File) bool {
	const fixed = 30 // bytes of a member's header, before name and extra field
	var h [fixed]byte
	if _, err := f.ReadAt(h[:], 0); err != nil {
		return false
	}
	want := int64(fixed) + int64(binary.LittleEndian.Uint16(h[26:])) + int64(binary.LittleEndian.Uint16(h[28:]))
	return slices.ContainsFunc(files, func(zf *zip.File) bool {
		offset, err := zf.DataOffset()
		return err == nil && offset == want
	})
}

// member lists zf, a member of the zip f, as m if it is a log or a gzip of one.
func (w *finder) member(m Input, f *File, zf *zip.File) {
	refuse := func(r Reason, err error) {
		w.problem(Problem{Path: m.Path, Reason: r, Err: err, Severity: Unread})
	}
	switch {
	case !zf.Mode().IsRegular():
		w.problem(Problem{Path: m.Path, Reason: NotRegular, Severity: Note})
		return
	case zf.Flags&1 != 0:
		refuse(Encrypted, nil)
		return
	case zf.Method != zip.Store && zf.Method != zip.Deflate:
		refuse(Compression, fmt.Errorf("zip method %d", zf.Method))
		return
	}
	offset, err := zf.DataOffset()
	if err == nil && (offset > f.size || int64(zf.CompressedSize64) > f.size-offset) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		refuse(CorruptZip, err)
		return
	}
	m.Size, m.Plain, m.form = int64(zf.CompressedSize64), false, formZip
	m.member = &member{offset: offset, compressed: m.Size, expanded: zf.UncompressedSize64, crc: zf.CRC32, deflated: zf.Method == zip.Deflate}
	switch contentOf(m.head(f)) {
	case contentZip:
		refuse(ZipInZip, nil)
		return
	case contentForeign:
		refuse(Compression, nil)
		return
	case contentGzip:
		m.form = formZipGzip
	}
	w.inputs = append(w.inputs, m)
}

// head returns the first bytes of the member, as far as they can be had: what is wrong with the rest is said when
// it is read.
func (in Input) head(f *File) []byte {
	head := make([]byte, headSize)
	src := io.NewSectionReader(f, in.member.offset, min(in.member.compressed, 64<<10))
	n, _ := io.ReadFull(in.member.stream(bufio.NewReader(src)), head)
	return head[:n]
}

// A zipGuard keeps archive/zip from collecting millions of directory entries, each of which costs ten times the
// memory of its bytes on disk.
type zipGuard struct {
	r       io.ReaderAt
	entries int // still allowed
	err     error
}

// zipSearch is how many entries can stand in the bytes that archive/zip reads twice to find the directory's end.
const zipSearch = 2 * (66 << 10) / 46

func (g *zipGuard) ReadAt(p []byte, off int64) (int, error) {
	n, err := g.r.ReadAt(p, off)
	g.entries -= bytes.Count(p[:n], []byte("PK\x01\x02"))
	if g.entries < -zipSearch {
		return 0, g.err
	}
	return n, err
}

// printable is a member's name as it is printed: with "/", without what could move a terminal's cursor or turn its
// writing direction.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\\':
			return '/'
		case r < ' ', 0x7f <= r && r <= 0x9f, r == 0x61c, 0x200e <= r && r <= 0x200f, 0x2028 <= r && r <= 0x202e, 0x2066 <= r && r <= 0x2069:
			return '\uFFFD'
		}
		return r
	}, name)
}
