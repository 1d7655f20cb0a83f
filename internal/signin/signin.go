// Package signin holds the nouns that every room of the program shares: what a line of a log says
// (Facts), the sign-in that it tells (SignIn), who, from what and from where (Account, Client,
// Address), and what is kept of it (Usage, Lines). Its one verb is Classify, which alone decides
// protocol, authentication type, outcome and how sure that is.
//
// The package reads nothing and writes nothing, and imports only the standard library.
package signin

import "time"

// Facts are what one line says, before anything is concluded from it. A decoder fills them. The
// bytes are borrowed from the line: they are valid until the decoder's next call. A nil slice and a
// zero number mean that the log did not say.
type Facts struct {
	Kind       Kind
	Time       int64  // Unix milliseconds, UTC
	Server     []byte // the computer that wrote the line, as it names itself
	ServerAddr []byte // its address, without port
	ServerPort uint16
	Account    []byte // as logged
	AuthType   []byte // as logged: AuthenticationType, AUTH_TYPE, or the mechanism of a logon command
	Label      []byte // HttpProxy's Protocol column
	Method     []byte
	Path       []byte // the stem, without the query
	Agent      []byte // as logged: in IIS a blank is a +
	Address    []byte // of the client, as logged: a list, a port and a zone are possible
	Forwarded  []byte // a custom X-Forwarded-For column; replaces Address where it is filled
	RequestID  []byte // RequestId of HttpProxy, cafeReqId of IIS: what joins the two; the id of a cloud sign-in
	Shared     []byte // a cloud sign-in: the id by which other logs name the same one
	Resource   []byte // a cloud sign-in: what it is to, by id or by name
	Status     uint16 // HTTP status
	SubStatus  uint16
	Win32      uint32 // sc-win32-status of IIS; of a cloud sign-in its error code, 0 for none

	MFA *MFAFacts // what the line says of a second factor; nil where it says nothing
	// Same are names that the line proves to be one person's, the one first that never becomes another's; nil where it
	// proves none. A name that a client gave, or that stands in what was refused, is never among them.
	Same [][]byte

	Authenticated  bool   // HttpProxy: IsAuthenticated
	Logon          Logon  // POP, IMAP, SMTP: the answer to a logon command
	ServerToServer bool   // SMTP: X-EXPS and the like
	Note           string // what a decoder has to say about a line that is not a sign-in; a constant
}

// A Logon is the answer to the logon command of POP, IMAP or SMTP.
type Logon uint8

// The answers.
const (
	NoLogon Logon = iota
	Accepted
	Refused
)

// A SignIn is one line's meaning: an account that authenticated, or a credential that was refused,
// or, when Verdict is not SignInLine, why the line is neither. Account, Client and Address belong to
// the Classifier, are shared and never change; Facts is borrowed from the decoder.
type SignIn struct {
	Verdict   Verdict
	Protocol  Protocol
	Auth      Auth
	Mechanism Mechanism
	Outcome   Outcome
	Evidence  Evidence
	Traffic   Traffic
	Backend   bool // told by a back end that the client reached directly
	Reserved  bool // of Noise: an account with a reserved name authenticated, from no server: rules may ask for it
	Weak      bool // another log may tell the same request: see "told twice" in the design
	Reason    string
	Server    string   // the name of the server, once it is known
	Account   *Account // never nil; Nobody when no account is named
	Client    *Client  // never nil
	Address   *Address // never nil
	Internal  bool     // every address that the line gives is the organisation's, the socket's too
	Who       uint32   // Account.Serial: two accounts of one Classifier never share it
	From      uint32   // does the same for Address; 0 for none
	Facts     *Facts
}

// Time is when the server handled the request, in UTC.
func (s *SignIn) Time() time.Time { return time.UnixMilli(s.Facts.Time).UTC() }

// A Ref points to a line: the file by its place in the list of inputs, the offset of the line's
// first byte in the decompressed file, its length without the line end, and its number from 1.
type Ref struct {
	File   int
	Offset int64
	Length int
	Line   int64
}

// Before reports whether r stands before o in the order of path and offset.
func (r Ref) Before(o Ref) bool {
	if r.File != o.File {
		return r.File < o.File
	}
	return r.Offset < o.Offset
}
