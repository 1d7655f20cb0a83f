package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
)

// A Secret is a password, a token or a key. It prints as secretMask under every verb, encoder and logger:
// Reveal is the only way out, so that a search for Reveal lists every use.
type Secret struct {
	// Package fmt asks no unexported field of a struct how it prints, and dumpers follow pointers. A
	// function is opaque to all of them.
	reveal func() string
}

func newSecret(value string) Secret { return Secret{func() string { return value }} }

const secretMask = "<secret>"

// Reveal returns the secret itself. Give it to nothing that prints.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// Format implements [fmt.Formatter], for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, secretMask) }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(secretMask) }

// MarshalText implements [encoding.TextMarshaler], for JSON, XML and YAML.
func (Secret) MarshalText() ([]byte, error) { return []byte(secretMask), nil }

// A secretRef says where a secret stands: in a file or in an environment variable, and never in the
// configuration itself, which is copied, mailed and checked in. It holds no secret and may be printed.
// The zero value is no secret at all.
type secretRef struct {
	File string // path of a file that holds nothing else
	Env  string // name of an environment variable
}

// set reports whether there is a secret.
func (r secretRef) set() bool { return r != secretRef{} }

// maxSecret bounds a file with a secret, in bytes: one that is larger is another file.
const maxSecret = 64 << 10

// read fetches the secret. One line end behind it is the editor's and not part of it.
func (r secretRef) read() (Secret, error) {
	text, where := "", ""
	switch {
	case r.File != "":
		where = r.File
		data, err := readSmall(r.File, maxSecret)
		if err != nil {
			return Secret{}, err
		}
		text = strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	case r.Env != "":
		where = "the environment variable " + r.Env
		value, ok := os.LookupEnv(r.Env)
		if !ok {
			return Secret{}, fmt.Errorf("%s is not set; set it for the account that runs outmode, or put the secret into a file", where)
		}
		text = value
	default:
		return Secret{}, nil
	}
	switch {
	case text == "":
		return Secret{}, fmt.Errorf("%s is empty; it must hold the secret", where)
	case strings.TrimSpace(text) != text, strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return Secret{}, fmt.Errorf("%s must hold the secret alone: one line, no blanks around it", where)
	}
	return newSecret(text), nil
}

// readSmall reads a regular file that may not be larger than that. The error names the file.
func readSmall(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path) // before it is opened: a pipe that nobody writes to would never open
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, causeOf(err))
	}
	if info.IsDir() || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: it is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, causeOf(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, causeOf(err))
	case int64(len(data)) > most:
		return nil, fmt.Errorf("%s: it is larger than %s bytes, and cannot be what is meant", path, number(most))
	}
	return data, nil
}

// causeOf is the error of the operating system without the path, which the message has already.
func causeOf(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// envName is what an environment variable can be called.
var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
