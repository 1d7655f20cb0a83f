package tail_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest/tail"
)

// What a generator writes is what is read, whatever stands around it and however it is cut.
func TestWellFormedJSON(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 5))
		g := generator{rng: rng}
		var want []string
		var file strings.Builder
		for range 1 + rng.IntN(4) {
			want = append(want, g.document(&file)...)
			file.WriteString(g.pick("", " ", "\n", "\r\n"))
		}
		data := []byte(file.String())
		if rng.IntN(2) == 0 {
			data = utf16Bytes(file.String(), rng.IntN(2) == 0, true)
		}
		ls := recordsOf(t, bytes.NewReader(data), tail.JSON)
		if got := inShort(ls); !slices.Equal(got, want) {
			t.Fatalf("seed %d: %s\ngot  %q\nwant %q", seed, file.String(), got, want)
		}
		inOrder(t, ls, data)
		var cuts []int
		for at := rng.IntN(40); at < len(data); at += 1 + rng.IntN(100) {
			cuts = append(cuts, at)
		}
		sameLines(t, "cut", inParts(t, data, tail.JSON, cuts, asIs), ls)
	}
}

type generator struct{ rng *rand.Rand }

func (g generator) pick(of ...string) string { return of[g.rng.IntN(len(of))] }

// value is any JSON value, at most so deep.
func (g generator) value(deep int) string {
	gap := g.pick("", "", " ", "\n  ")
	switch n := g.rng.IntN(8); {
	case n < 2 && deep > 0:
		return g.object(deep-1, "k")
	case n == 2 && deep > 0:
		var items []string
		for range g.rng.IntN(4) {
			items = append(items, gap+g.value(deep-1))
		}
		return "[" + strings.Join(items, gap+",") + gap + "]"
	case n < 6:
		return g.pick(`""`, `"a"`, `"\""`, `"\\"`, `"}],{\"a\":["`, `"\u005c\""`, `"émile 😀"`, `"`+strings.Repeat(`x\n`, g.rng.IntN(200))+`"`)
	}
	return g.pick("0", "-1.5E+3", "true", "false", "null")
}

// object is an object whose keys begin so.
func (g generator) object(deep int, key string) string {
	gap := g.pick("", "", " ", "\r\n\t")
	var members []string
	for n := range g.rng.IntN(5) {
		members = append(members, fmt.Sprintf("%s\"%s%d\"%s:%s%s", gap, key, n, gap, gap, g.value(deep)))
	}
	return "{" + strings.Join(members, gap+",") + gap + "}"
}

// document writes a document and returns its records.
func (g generator) document(b *strings.Builder) []string {
	gap := g.pick("", "", " ", "\r\n")
	var records []string
	for range g.rng.IntN(5) {
		records = append(records, g.object(3, "value"))
	}
	array := "[" + gap + strings.Join(records, gap+","+gap) + gap + "]"
	around := func(inner string) string {
		members := []string{inner}
		for n := range g.rng.IntN(3) {
			members = slices.Insert(members, g.rng.IntN(len(members)+1), fmt.Sprintf(`"@odata.%d"%s:%s`, n, gap, g.value(3)))
		}
		return "{" + gap + strings.Join(members, gap+","+gap) + gap + "}"
	}
	switch g.rng.IntN(4) {
	case 0:
		b.WriteString(array)
	case 1:
		b.WriteString(around(`"` + g.pick("records", "value", "authlogs") + `"` + gap + ":" + gap + array))
	case 2:
		b.WriteString(around(`"response"` + gap + ":" + gap + around(`"authlogs":`+gap+array)))
	case 3:
		one := g.object(3, "k")
		b.WriteString(one)
		return []string{one}
	}
	return records
}
