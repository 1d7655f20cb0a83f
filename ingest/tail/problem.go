package tail

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// A Severity says what a [Problem] costs.
type Severity uint8

const (
	Note    Severity = iota // nothing was lost that could be a log
	Unread                  // something that may be a log could not be read
	Missing                 // an argument names nothing that exists
)

// String returns "note", "unread" or "missing".
func (s Severity) String() string {
	switch s {
	case Note:
		return "note"
	case Unread:
		return "unread"
	case Missing:
		return "missing"
	}
	return fmt.Sprintf("severity(%d)", uint8(s))
}

// A Reason is why a path was not listed, in words that do not change.
type Reason string

const (
	NotFound     Reason = "not found"               // the argument names no file
	NoMatch      Reason = "no match"                // the argument is a glob that matches nothing
	BadPattern   Reason = "bad pattern"             // the argument is a glob that cannot be read
	DanglingLink Reason = "dangling link"           // a symbolic link to nothing
	Vanished     Reason = "vanished"                // there when the directory was listed, gone when opened
	Denied       Reason = "permission denied"       // the file, directory or a directory above may not be read
	InUse        Reason = "in use"                  // another program locks the file (Windows)
	Unreadable   Reason = "unreadable"              // any other error of the operating system: see Err
	NotRegular   Reason = "not a regular file"      // FIFO, device, socket, or such a zip member
	DirLoop      Reason = "directory loop"          // a directory that contains itself: Other is the outer way
	SameFile     Reason = "same file"               // listed already: Other is the first way
	SameDir      Reason = "same directory"          // walked already: Other is the first way
	NoFiles      Reason = "no files"                // a directory argument with nothing in it
	CorruptZip   Reason = "corrupt zip"             // no readable directory of members, or members that overlap
	ZipInZip     Reason = "zip in zip"              // not opened
	Encrypted    Reason = "encrypted"               // a zip member with a password
	Compression  Reason = "unsupported compression" // xz, zstd, bzip2, 7z, rar, or a zip method such as Deflate64
	NoMember     Reason = "no such member"          // the argument names a zip, and none of its members: Other may be the one that is meant
	SameName     Reason = "same name"               // a zip with two members of one name: the later is listed with a number
	TooMany      Reason = "too many members"        // a zip beyond Limits.MaxMembers: Err is a *LimitError
	NoStdin      Reason = "no standard input"       // "-" without FindOptions.Stdin
	Spool        Reason = "cannot spool"            // standard input ended in an error or could not be copied to disk
)

// advice says what to do, for the reasons where something can be done.
func (r Reason) advice() string {
	switch r {
	case NotFound:
		return "check the spelling and the current directory"
	case NoMatch:
		return "check the pattern, or name the directory"
	case BadPattern:
		return "close every [ with a ]"
	case DanglingLink:
		return "restore what the link points to, or remove it"
	case Denied:
		return "run as an account that may read it"
	case InUse:
		return "copy the file, or try again when the other program has closed it"
	case Unreadable:
		return "check the disk or the share"
	case NotRegular:
		return "pipe it into standard input and name -"
	case CorruptZip:
		return "copy the archive again, or unpack it and name the directory"
	case ZipInZip:
		return "unpack the outer archive and name the directory"
	case NoMember:
		return "name the archive alone to read all that is in it"
	case Encrypted, Compression:
		return "unpack it and name the directory"
	case NoStdin:
		return "pipe a log into the command"
	case Spool:
		return "check the space left in the temporary directory, or name the file"
	}
	return ""
}

// A Problem is something [Find] met and did not list, or listed under another name. It is an error whose message
// says what, where and what to do.
type Problem struct {
	Path     string   // as an Input.Path: what the problem is about
	Reason   Reason   // why
	Other    string   // the first way to the same thing, for SameFile, SameDir, DirLoop and SameName; for NoMember see there
	Err      error    // the underlying error; nil if there was none
	Severity Severity // what it costs
}

// Error returns one line: path, reason, cause, advice.
func (p Problem) Error() string {
	if limit := (*LimitError)(nil); errors.As(p.Err, &limit) {
		return limit.Error()
	}
	var b strings.Builder
	if p.Path == "" {
		b.WriteString(`""`)
	}
	b.WriteString(p.Path)
	b.WriteString(": ")
	b.WriteString(string(p.Reason))
	switch {
	case p.Other != "" && p.Reason == SameName:
		fmt.Fprintf(&b, ": listed as %s", p.Other)
	case p.Other != "" && p.Reason == NoMember:
		fmt.Fprintf(&b, ": there is %s", p.Other)
	case p.Other != "":
		fmt.Fprintf(&b, " as %s: read once", p.Other)
	}
	if cause := cause(p.Err); cause != "" && cause != string(p.Reason) {
		b.WriteString(": ")
		b.WriteString(cause)
	}
	if a := p.Reason.advice(); a != "" {
		b.WriteString(": ")
		b.WriteString(a)
	}
	return b.String()
}

// Unwrap returns Err.
func (p Problem) Unwrap() error { return p.Err }

// cause is err without the operation and the path, which the message has already.
func cause(err error) string {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		err = pe.Err
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return err.Error()
}

// reasonOf is the reason behind an error of the operating system about something that was listed or named.
func reasonOf(err error) Reason {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return Denied
	case errors.Is(err, fs.ErrNotExist):
		return Vanished
	case inUse(err):
		return InUse
	}
	return Unreadable
}
