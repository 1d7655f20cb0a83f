package main

import (
	"io"
	"math/rand/v2"
)

// writeHostile writes an IIS log in which every line names another account, another client and another
// address: what an attacker with a long list can make a reader remember. Most names were refused, one in
// sixteen signed in, and one line in sixty-four asks for a path that exists nowhere. 10 million names fill about 2.5 GiB.
func writeHostile(out io.Writer, size int64, seed uint64) error {
	stream := newHostile(seed)
	w := &iisWriter{fields: namedFields()}
	block := w.appendHeader(make([]byte, 0, blockSize+1<<16), int64(stream.clock))
	var r request
	for written := int64(0); written+int64(len(block)) < size; {
		stream.next(&r)
		block = w.appendLine(block, &r)
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

// A hostile stream never repeats itself.
type hostile struct {
	rng    *rand.Rand
	server *server
	vdirs  *vdirs
	clock  int64
	count  int64
}

func newHostile(seed uint64) *hostile {
	return &hostile{
		rng:    rand.New(rand.NewPCG(seed, 0x686f7374696c65)),
		server: newServer("EX01", "10.20.1.11", build2019()),
		vdirs:  newVdirs(), clock: at("2026-10-07 00:00:00"),
	}
}

func (h *hostile) next(r *request) {
	dice := h.rng.Uint64()
	h.count++
	h.clock += int64(dice & 15)
	id := guid{dice, h.rng.Uint64()}
	*r = request{
		end: h.clock, taken: 3, id: id, server: h.server, port: "443", suffix: suffixCafe, method: "POST",
		vdir: h.vdirs.eas, stem: easStem, name: h.name(id), agent: h.agent(), ip: address(id),
		status: 401, substatus: 1, win32: 1326,
	}
	switch {
	case dice>>60 == 0:
		r.status, r.substatus, r.win32 = 200, 0, 0
	case dice>>58 == 7:
		r.stem, r.suffix, r.name, r.status = "/"+string(appendHex(nil, id.lo, 16))+"/login.php", suffixNone, "", 404
		r.substatus, r.win32 = 0, 2
	}
}

// name is a new account each time, in one of the spellings that people type.
func (h *hostile) name(id guid) string {
	b := make([]byte, 0, 40)
	switch id.lo & 3 {
	case 0:
		return string(append(appendInt(append(b, "u"...), h.count), "@contoso.com"...))
	case 1:
		return string(appendInt(append(b, "user"...), h.count))
	}
	return string(appendInt(append(b, `CONTOSO\u`...), h.count))
}

// agent is a new client each time.
func (h *hostile) agent() *client {
	s := string(appendInt(append(make([]byte, 0, 40), "Device-"...), h.count)) + "/1.0"
	return &client{sent: s, iis: s, proxy: s}
}

// address is one of the many addresses of the IPv6 range kept for documentation.
func address(id guid) string {
	b := append(make([]byte, 0, 40), "2001:db8"...)
	for i := range 4 {
		b = appendHex(append(b, ':'), id.hi>>(16*i)&0xffff, 4)
	}
	return string(append(b, "::1"...))
}

func appendHex(dst []byte, n uint64, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		dst = append(dst, hexDigits[n>>(4*i)&15])
	}
	return dst
}
