package ingest

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// A sketch keeps the smallest hashes of the request ids of one server: the same ids whatever the
// order they came in, so that two logs of one server find ids in common.
type sketch struct {
	hashes []uint64
	full   bool // hashes holds the sketchSize smallest, sorted; larger ones are of no use
}

const sketchSize = 1 << 14

func (k *sketch) add(h uint64) {
	if k.full && h >= k.hashes[sketchSize-1] {
		return
	}
	if k.hashes = append(k.hashes, h); len(k.hashes) >= 2*sketchSize {
		k.trim()
	}
}

func (k *sketch) trim() {
	slices.Sort(k.hashes)
	k.hashes = slices.Compact(k.hashes)
	if len(k.hashes) >= sketchSize {
		k.hashes, k.full = k.hashes[:sketchSize], true
	}
}

func (k *sketch) merge(o *sketch) {
	for _, h := range o.hashes {
		k.add(h)
	}
}

// hashID reads the 32 hexadecimal digits of a request id, with or without dashes, and mixes them.
func hashID(id []byte) (uint64, bool) {
	var half [2]uint64
	n := 0
	for _, c := range id {
		var v byte
		switch {
		case '0' <= c && c <= '9':
			v = c - '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			v = c | 0x20 - 'a' + 10
		case c == '-':
			continue
		default:
			return 0, false
		}
		if n == 32 {
			return 0, false
		}
		half[n/16] = half[n/16]<<4 | uint64(v)
		n++
	}
	h := half[0]*0x9E3779B97F4A7C15 ^ half[1]
	h ^= h >> 29
	h *= 0xBF58476D1CE4E5B9
	return h ^ h>>32, n == 32
}

// A Folder says which server the IIS logs of a folder belong to, and how that is known.
type Folder struct {
	Path   string
	Server string // "" if it could not be found out
	How    string
}

// matchFolders finds out whose logs the folders are in which IIS does not name its computer: a
// server with which they share request ids.
func (s *scan) matchFolders(w *worker) {
	owners := map[uint64]string{}
	for _, id := range sortedKeys(s.sum.ids) {
		s.sum.ids[id].trim()
		for _, h := range s.sum.ids[id].hashes {
			if owner := s.sum.servers[id]; owners[h] == "" || owner < owners[h] {
				owners[h] = owner
			}
		}
	}
	var logs []int
	for i := range s.logs {
		if l := &s.logs[i]; l.counted() && l.Format.Kind == signin.IIS && !l.Format.Named {
			logs = append(logs, i)
		}
	}
	s.matchAll(w, logs, owners)
}

// matchAll finds the owners of logs, folder by folder, among those who told a request id.
func (s *scan) matchAll(w *worker, logs []int, owners map[uint64]string) {
	s.folders = nil
	folders := map[string][]int{}
	for _, i := range logs {
		folders[s.logs[i].Folder()] = append(folders[s.logs[i].Folder()], i)
	}
	for _, path := range sortedKeys(folders) {
		s.matchFolder(w, path, folders[path], owners)
	}
}

// matchFolder asks every log of a folder: a folder may hold the logs of several servers. One that has
// no id in common is taken to belong with the others, if those agree.
func (s *scan) matchFolder(w *worker, path string, logs []int, owners map[uint64]string) {
	byServer := map[string][]int{}
	votes := map[string]int{}
	mixed := false
	for _, i := range logs {
		server, n, several := s.owner(w, i, owners)
		byServer[server] = append(byServer[server], i)
		votes[server] += n
		mixed = mixed || several
	}
	if open := byServer[""]; len(byServer) == 2 && len(open) > 0 && !mixed {
		delete(byServer, "")
		for server := range byServer {
			byServer[server] = logs
		}
	}
	for _, server := range sortedKeys(byServer) {
		f := Folder{Path: path, Server: server, How: fmt.Sprintf("%d request ids in common (cafeReqId = RequestId)", votes[server])}
		switch {
		case server != "":
		case len(owners) == 0:
			f.How = "no HttpProxy log was read that could name it"
		case mixed:
			f.How = "request ids in common with more than one server"
		default:
			f.How = "no request id in common with the HttpProxy logs of a server"
		}
		if len(byServer) > 1 {
			f.Path = s.logs[byServer[server][0]].Input.Path
			if more := len(byServer[server]) - 1; more > 0 {
				f.Path += fmt.Sprintf(" and %d more", more)
			}
		}
		for _, i := range byServer[server] {
			s.logs[i].owner = cmp.Or(server, path) // a name of its own: never merged with another by guess
		}
		s.folders = append(s.folders, f)
	}
}

// enoughIDs in common are asked for where there are so many, and of all found nine in ten must agree:
// anybody can send a request that carries the id of another.
const enoughIDs = 16

// owner samples a log for request ids that a server's HttpProxy logs hold too. several says that it
// has those of several servers.
func (s *scan) owner(w *worker, log int, owners map[uint64]string) (server string, n int, several bool) {
	if len(owners) == 0 {
		return "", 0, false
	}
	votes, all := map[string]int{}, 0
	agreed := func() bool { return 10*votes[server] >= 9*all }
	for _, p := range samples(log, &s.logs[log]) {
		w.read(p, func(l *line) {
			if !l.decoded {
				return
			}
			if h, ok := hashID(l.s.Facts.RequestID); ok && owners[h] != "" {
				votes[owners[h]]++
				all++
				if votes[owners[h]] > votes[server] {
					server = owners[h]
				}
			}
		})
		if votes[server] >= enoughIDs && agreed() {
			break
		}
	}
	if all == 0 || !agreed() {
		return "", 0, all > 0
	}
	return server, votes[server], false
}

// samples are a few stretches of a log, spread over it: its time may overlap the other log's in part.
func samples(i int, l *Log) []part {
	const stretch, most = 256 << 10, 64
	if !l.cuttable() {
		return []part{{log: i, whole: true}}
	}
	var ps []part
	for _, span := range tail.Cut(l.Input.Size, max(stretch, l.Input.Size/most)) {
		ps = append(ps, part{log: i, span: tail.Span{From: span.From, To: min(span.To, span.From+stretch)}, header: l.headerAt(span.From)})
	}
	return ps
}
