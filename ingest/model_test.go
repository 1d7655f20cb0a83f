//go:build linux

package ingest_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
)

// A model is an organisation's logs whose story is made up, and what a reader must know of it in the end: every line
// that stood in a file complete while the reader looked counts once, and no line counts twice.
type model struct {
	*site
	r       *rand.Rand
	users   int
	files   int
	writing map[string]string // the logs that are written, and what is missing of their unfinished lines
	seen    map[int]bool      // lines that stood complete in a file at a look that worked
	story   []string
	flaky   bool // a tenth of the commits fail
}

// stories is how many stories a test tells, unless it is told to tell more.
func stories(few uint64) uint64 {
	if n, err := strconv.ParseUint(os.Getenv("OUTMODE_TEST_STORIES"), 10, 64); err == nil {
		return n
	}
	return few
}

// TestModel tells random stories of logs and readers.
func TestModel(t *testing.T) {
	t.Parallel()
	stories := stories(16)
	for _, flaky := range []bool{false, true} {
		for part := range uint64(4) { // two at a time, and a store for each
			t.Run(fmt.Sprintf("flaky=%v/%d", flaky, part), func(t *testing.T) {
				t.Parallel()
				for seed := part; seed < stories/2; seed += 4 {
					tellStory(t, seed, flaky)
					if t.Failed() {
						return
					}
				}
			})
		}
	}
}

func tellStory(t *testing.T, seed uint64, flaky bool) {
	m := &model{site: newSite(t), r: rand.New(rand.NewPCG(seed, 7)), writing: map[string]string{}, seen: map[int]bool{}, flaky: flaky}
	m.before = func(r ingest.Reviewer) ingest.Reviewer { return &flakyLedger{r, m} }
	defer m.close()
	for range 30 {
		m.step()
	}
	m.flaky = false
	m.story = append(m.story, "the end")
	for range 4 {
		m.look()
	}
	got := m.counted()
	for n := 1; n <= m.users; n++ {
		switch {
		case got[n] > 1:
			t.Errorf("line %d counts %d times", n, got[n])
		case got[n] == 0 && m.seen[n]:
			t.Errorf("line %d stood in a file and was looked at, and does not count", n)
		}
	}
	m.sound()
	if t.Failed() {
		t.Errorf("seed %d, flaky %v:\n%s\n%s", seed, flaky, strings.Join(m.story, "\n"), m.told())
	}
}

// A flakyLedger fails now and then: before it has committed, or after, when nobody can know.
type flakyLedger struct {
	ingest.Reviewer
	m *model
}

var errFlaky = errors.New("the disk is full, says the test")

func (l *flakyLedger) Commit(ctx context.Context, c *ingest.Commit) error {
	fails := l.m.flaky && l.m.r.IntN(10) == 0
	after := l.m.r.IntN(2) == 0
	if fails && !after {
		return errFlaky
	}
	if err := l.Reviewer.Commit(ctx, c); err != nil || !fails {
		return err
	}
	return errFlaky
}

// look looks until it works; a pipeline that failed is thrown away.
func (m *model) look() {
	m.t.Helper()
	for {
		err := m.tryLook()
		if err == nil {
			break
		}
		if !errors.Is(err, errFlaky) {
			m.t.Fatalf("%v\n%s", err, strings.Join(m.story, "\n"))
		}
		m.tell("a commit fails, and the reader begins again")
		m.close()
	}
	for _, name := range m.all() {
		for _, n := range usersOf(m.content(name)) {
			m.seen[n] = true
		}
	}
}

func (m *model) tell(format string, args ...any) {
	m.story = append(m.story, fmt.Sprintf(format, args...))
}

// all returns the files, the unfinished ones too.
func (m *model) all() []string {
	var names []string
	_ = filepath.WalkDir(m.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(m.dir, path)
			names = append(names, name)
		}
		return err
	})
	return names
}

// content returns the log in a file.
func (m *model) content(name string) string {
	text := m.site.read(name)
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(strings.NewReader(text))
		m.must(err)
		data, err := io.ReadAll(z)
		m.must(err)
		text = string(data)
	}
	return text
}

// usersOf returns whose lines are complete.
func usersOf(text string) (users []int) {
	for line := range strings.Lines(text) {
		if _, after, ok := strings.Cut(line, `CONTOSO\u`); ok && strings.HasSuffix(line, "\n") {
			n, _ := strconv.Atoi(after[:5])
			users = append(users, n)
		}
	}
	return users
}

// pick returns one of the logs that are written, or "".
func (m *model) pick() string {
	var names []string
	for name := range m.writing {
		names = append(names, name)
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return names[m.r.IntN(len(names))]
}

func (m *model) newName() string {
	m.files++
	return []string{"", "x/", "y/"}[m.r.IntN(3)] + fmt.Sprintf("%c%d.LOG", 'a'+m.r.IntN(26), m.files)
}

func (m *model) create(name string) {
	m.tell("%s is created", name)
	m.write(name, "")
	m.writing[name] = proxyHead
	if m.r.IntN(3) > 0 {
		m.grow(name)
	}
}

// grow appends a few lines, of which the last may be torn.
func (m *model) grow(name string) {
	text := m.writing[name]
	first := m.users + 1
	for range m.r.IntN(4) {
		m.users++
		text += row(m.users)
	}
	rest := ""
	if m.r.IntN(3) == 0 && len(text) > 0 {
		at := m.r.IntN(len(text))
		if last := strings.LastIndexByte(text[:len(text)-1], '\n') + 1; at < last {
			at = last
		}
		text, rest = text[:at], text[at:]
	}
	m.append(name, text)
	m.writing[name] = rest
	m.tell("%s grows by lines %d to %d, %d bytes are missing", name, first, m.users, len(rest))
}

// move notes that what is written to one name goes to another.
func (m *model) move(from, to string) {
	m.writing[to] = m.writing[from]
	delete(m.writing, from)
}

func (m *model) step() {
	name := m.pick()
	if name == "" {
		m.create(m.newName())
		return
	}
	switch n := m.r.IntN(100); {
	case n < 26:
		m.grow(name)
	case n < 36:
		m.create(m.newName())
	case n < 56:
		m.tell("a look")
		m.look()
	case n < 60:
		m.tell("the reader begins again")
		m.close()
	case n < 66:
		to := m.newName()
		m.tell("%s is renamed to %s", name, to)
		m.copy(name, to) // makes its folder
		m.rename(name, to)
		m.move(name, to)
	case n < 72:
		m.files++
		to := fmt.Sprintf("%s.%d", name, m.files)
		m.tell("%s is renamed to %s", name, to)
		m.rename(name, to)
		m.move(name, to)
		m.create(name)
	case n < 77:
		to := m.newName()
		m.tell("%s is copied to %s, and a look", name, to)
		m.copy(name, to)
		m.look() // of a copy that is shorter than what was read of its log, only the log can tell that it is one
	case n < 81:
		m.files++
		to := fmt.Sprintf("%s.%d", name, m.files)
		m.tell("%s is copied to %s and truncated", name, to)
		m.copy(name, to)
		m.truncate(name, 0)
		m.writing[name] = proxyHead
		if m.r.IntN(2) == 0 {
			m.grow(name)
		}
	case n < 84:
		m.tell("%s is removed", name)
		m.remove(name)
		delete(m.writing, name)
	case n < 89:
		m.tell("%s is packed", name)
		m.gzip(name, name+".gz")
		m.remove(name)
		delete(m.writing, name)
	case n < 92:
		m.files++
		m.tell("%s is packed and goes on", name)
		m.gzip(name, fmt.Sprintf("%s.%d.gz", name, m.files))
		m.look()
	case n < 94:
		to := m.newName()
		m.tell("%s is copied to %s and goes on there", name, to)
		m.copy(name, to)
		m.remove(name)
		m.move(name, to)
		m.grow(to)
	case n < 97:
		m.tell("%s is written anew as it was", name)
		m.write("../new", m.site.read(name))
		m.rename("../new", name)
	default:
		for _, dir := range []string{"x", "y"} {
			if _, err := os.Stat(m.path(dir)); err == nil {
				m.tell("%s goes away for a time", dir)
				m.rename(dir, "../away")
				for range 1 + m.r.IntN(3) {
					m.look()
				}
				m.rename("../away", dir)
				return
			}
		}
	}
}
