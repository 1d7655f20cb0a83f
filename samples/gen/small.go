package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// writeSmall writes the requests of writeBig with the same options, cut into files of equal size, each with a header of its own.
func writeSmall(dir string, o *bigOptions, files int) error {
	if files <= 0 {
		return fmt.Errorf("-files %d: want at least one", files)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	stream := newTraffic(o.seed, o.users, float64(o.lines), o.days)
	render, header := o.newRenderer(int64(stream.clock))
	share := int(max(o.size, o.lines) / int64(files))
	var r request
	block := append([]byte(nil), header...)
	sum, file := 0, 0
	for n, total := int64(0), int64(0); o.more(n, total) && file < files; n++ {
		stream.next(&r)
		before := len(block)
		block = render.appendLine(block, &r)
		total += int64(len(block) - before)
		if sum++; o.full(len(block), sum, share) && file < files-1 {
			if err := os.WriteFile(o.smallName(dir, file), block, 0o644); err != nil {
				return err
			}
			block, sum, file = append(block[:0], header...), 0, file+1
		}
	}
	return os.WriteFile(o.smallName(dir, file), block, 0o644)
}

// full says whether a small file has had its share of bytes, or of lines where lines were asked for.
func (o *bigOptions) full(size, lines, share int) bool {
	if o.size > 0 {
		return size >= share
	}
	return lines >= share
}

func (o *bigOptions) smallName(dir string, n int) string {
	if o.kind == "iis" {
		return filepath.Join(dir, fmt.Sprintf("u_extend%d.log", n+1))
	}
	return filepath.Join(dir, fmt.Sprintf("HttpProxy_2026100600-%d.LOG", n+1))
}
