package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// Average lengths of a line, by which a size becomes a number of requests.
const (
	iisLine   = 324
	proxyLine = 995
	blockSize = 1 << 20
)

// bigOptions are the flags of the commands that write large inputs.
type bigOptions struct {
	kind  string
	size  int64
	users int
	days  float64
	seed  uint64
	lines int64
}

func (o *bigOptions) define(f *flag.FlagSet) {
	f.StringVar(&o.kind, "kind", "iis", "iis or httpproxy")
	f.Func("size", "bytes to write, as in 1GiB", func(s string) (err error) { o.size, err = parseSize(s); return err })
	f.IntVar(&o.users, "users", 5000, "accounts of the server: a day of 1 GiB is 600 lines of each")
	f.Float64Var(&o.days, "days", 0, "days that the lines cover; 0 is one a GiB")
	f.Uint64Var(&o.seed, "seed", 1, "the same seed writes the same bytes")
	f.Int64Var(&o.lines, "lines", 0, "requests to write instead of a size; the same number tells the same requests in both kinds")
}

// complete checks the flags and fills in what was left out.
func (o *bigOptions) complete() error {
	average := int64(iisLine)
	switch o.kind {
	case "iis":
	case "httpproxy":
		average = proxyLine
	default:
		return fmt.Errorf("-kind %q: want iis or httpproxy", o.kind)
	}
	if o.size <= 0 && o.lines <= 0 {
		return fmt.Errorf("give -size or -lines")
	}
	if o.users <= 0 {
		return fmt.Errorf("-users %d: want at least one", o.users)
	}
	if o.lines <= 0 {
		o.lines = o.size / average
		o.lines = max(o.lines, 1)
	} else {
		o.size = 0
	}
	if o.days <= 0 {
		o.days = max(float64(o.lines*average)/(1<<30), 1.0/24)
	}
	return nil
}

// renderer is one of the two logs of a front end.
type renderer interface{ appendLine([]byte, *request) []byte }

// newRenderer returns the renderer of a kind and the header its files start with.
func (o *bigOptions) newRenderer(start int64) (renderer, []byte) {
	if o.kind == "iis" {
		w := &iisWriter{fields: busyFields(), site: "W3SVC1"}
		return w, w.appendHeader(nil, start)
	}
	w := newProxyWriter(build2019())
	return w, w.appendHeader(nil, start, true)
}

// writeBig writes one large file.
func writeBig(out io.Writer, o *bigOptions) error {
	stream := newTraffic(o.seed, o.users, float64(o.lines), o.days)
	render, block := o.newRenderer(int64(stream.clock))
	block = append(make([]byte, 0, blockSize+1<<16), block...)
	var r request
	written := int64(0)
	for n := int64(0); o.more(n, written+int64(len(block))); n++ {
		stream.next(&r)
		block = render.appendLine(block, &r)
		if len(block) >= blockSize {
			if _, err := out.Write(block); err != nil {
				return err
			}
			written += int64(len(block))
			block = block[:0]
		}
	}
	_, err := out.Write(block)
	return err
}

// more says whether another line is wanted.
func (o *bigOptions) more(lines, size int64) bool {
	if o.size > 0 {
		return size < o.size
	}
	return lines < o.lines
}

// parseSize reads 1048576, 64MiB, 1GiB and the like.
func parseSize(s string) (int64, error) {
	shift := 0
	for suffix, n := range map[string]int{"KiB": 10, "MiB": 20, "GiB": 30} {
		if digits, ok := strings.CutSuffix(s, suffix); ok {
			s, shift = digits, n
			break
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("size %q: want a number of bytes, KiB, MiB or GiB", s)
	}
	return int64(n * float64(int64(1)<<shift)), nil
}

// withOutput hands write a file, or the standard output for a hyphen, and closes it.
func withOutput(name string, write func(io.Writer) error) (err error) {
	if name == "-" {
		out := bufio.NewWriterSize(os.Stdout, blockSize)
		if err := write(out); err != nil {
			return err
		}
		return out.Flush()
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() {
		if closing := file.Close(); err == nil {
			err = closing
		}
	}()
	return write(file)
}
