package rules

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxQuote is how much of a rule file a message repeats, in bytes; no message repeats more than two
// pieces.
const maxQuote = 80

// clip cuts s to what a message may repeat of it.
func clip(s string) string {
	if len(s) <= maxQuote {
		return s
	}
	n := maxQuote
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// quote is clip in quotes, on one line.
func quote(s string) string { return strconv.Quote(clip(s)) }

// shorten cuts a library's message, which may repeat any amount of the source, to its first line.
func shorten(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	const most = 180
	if len(s) <= most {
		return s
	}
	n := most
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }

// suggest is the question with which a message about an unknown word ends, or nothing if no known
// word is near.
func suggest(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return "; did you mean " + quote(near) + "?"
	}
	return ""
}

// nearest returns the known word that takes the fewest edits, if these are few.
func nearest(word string, known []string) string {
	word = strings.ToLower(word)
	if len(word) > 40 {
		return ""
	}
	// Of three letters two that differ make another word.
	best, least := "", max(min(2, len(word)-2), len(word)/3)+1
	for _, k := range known {
		if k == "" {
			continue
		}
		if d := edits(word, strings.ToLower(k)); d < least && d < len(k) {
			best, least = k, d
		}
	}
	return best
}

// edits is the number of letters to insert, delete, replace or swap with the next.
func edits(a, b string) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j+1]+1, next[j]+1, row[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}

// listed is how a message names the words of a short list.
func listed(words []string) string {
	var named []string
	for _, w := range words {
		if w != "" {
			named = append(named, w)
		}
	}
	if len(named) < 2 {
		return strings.Join(named, "")
	}
	return strings.Join(named[:len(named)-1], ", ") + " or " + named[len(named)-1]
}
