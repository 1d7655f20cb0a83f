//go:build linux

package ingest_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// A rotation is one way in which logs come and go. Its steps are done one after the other, and the ledger is brought up
// to date behind each: what happens within a step happens unseen.
type rotation struct {
	name  string
	steps []func(s *site)
	want  string // the ledger in the end, as site.told spells it
	// Where following gives another end than looking does: a file that is followed is open, and can be read to its end
	// whatever became of its name.
	followed string // " || " stands between ends that are equally right; "-": what becomes of it depends on when somebody looks
	partly   bool   // see site
}

// TestRotationMatrix is every way in which logs are known to rotate, looked at and followed.
func TestRotationMatrix(t *testing.T) {
	t.Parallel()
	for _, c := range append(rotations(), contents()...) {
		t.Run(c.name+"/looked", func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			for _, step := range c.steps {
				step(s)
				s.look()
				s.look() // that a log is gone takes two
			}
			if got := s.told(); got != c.want {
				t.Errorf("the ledger holds\n%s, want\n%s", got, c.want)
			}
			s.sound()
		})
		if c.followed == "-" {
			continue
		}
		t.Run(c.name+"/followed", func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.partly = c.partly
			s.write("other.LOG", "something else\n") // so that there is always something to look at
			s.follow()
			for _, step := range c.steps {
				step(s)
				s.settle()
			}
			want := c.want
			if c.followed != "" {
				want = c.followed
			}
			other := "other.LOG not_counted 0/0; "
			ended := func(got string) bool {
				return slices.Contains(strings.Split(want, " || "), strings.Replace(got, other, "", 1))
			}
			_ = inTime(patience/8, func() string { // what is wrong is told by what comes then
				for _, w := range strings.Split(want, " || ") {
					if ledger, _, _ := strings.Cut(w, "users"); ledger == strings.Replace(s.ledgerInWords()+"; ", other, "", 1) {
						return ""
					}
				}
				return "not yet"
			})
			s.must(s.unfollow())
			if got := s.told(); !ended(got) {
				t.Errorf("the ledger holds\n%s, want\n%s", got, want)
			}
			s.sound()
		})
	}
}

// A log that gets its first line is met by it, and renamed before that is read.
func TestRenamedBetweenMeetingAndReading(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("a.LOG", proxyHead)
	s.look()
	s.append("a.LOG", row(1))
	s.must(s.p.Meet(t.Context(), s.find()))
	s.rename("a.LOG", "b.LOG")
	s.look()
	s.look()
	if got, want := s.told(), "b.LOG read 1/2; users 1"; got != want {
		t.Errorf("the ledger holds\n%s, want\n%s", got, want)
	}
	s.sound()
}

// A log is packed, and removed between being found and being met: its name is no log of its own that got lost.
func TestPackedBetweenFindingAndMeeting(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("a.LOG", proxyHead+rowsOf(1, 3))
	s.look()
	s.append("a.LOG", rowsOf(4, 6))
	s.gzip("a.LOG", "a.LOG.gz")
	found := s.find()
	s.remove("a.LOG")
	s.must(s.p.Meet(t.Context(), found))
	s.look()
	s.look()
	if got, want := s.told(), "a.LOG.gz read 6/7; users 1-6"; got != want {
		t.Errorf("the ledger holds\n%s, want\n%s", got, want)
	}
	s.sound()
}

// A log of which no more than the header was met gets its first line as it is renamed, or goes away with its folder and
// comes back: it is known by its file, not by a name that stood for nothing any more.
func TestNamelessThatWentAwayBetweenFindingAndMeeting(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("a.LOG", proxyHead)
	s.look()
	s.append("a.LOG", row(1))
	found := s.find()
	s.rename("a.LOG", "b.LOG")
	s.must(s.p.Meet(t.Context(), found))
	s.look()
	s.look()

	s.write("x/c.LOG", proxyHead)
	s.look()
	found = s.find()
	s.rename("x", "../x")
	s.must(s.p.Meet(t.Context(), found))
	s.look()
	s.look()
	s.rename("../x", "x")
	s.look()
	s.append("x/c.LOG", row(2))
	s.look()
	if got, want := s.told(), "b.LOG read 1/2; x/c.LOG read 1/2; users 1-2"; got != want {
		t.Errorf("the ledger holds\n%s, want\n%s", got, want)
	}
	s.sound()
}

// does makes a step of what is done to a site.
func does(steps ...func(s *site)) []func(s *site) { return steps }

// rotations are what becomes of names and files.
func rotations() []rotation {
	return []rotation{
		{
			name: "a new name each hour",
			steps: does(
				func(s *site) { s.write("a10.LOG", proxyHead+rowsOf(1, 3)) },
				func(s *site) { s.append("a10.LOG", rowsOf(4, 5)) },
				func(s *site) { s.append("a10.LOG", row(6)); s.write("a11.LOG", proxyHead+rowsOf(7, 8)) },
				func(s *site) { s.append("a10.LOG", row(9)); s.append("a11.LOG", row(10)) }, // the old one gets a line late
			),
			want: "a10.LOG read 7/8; a11.LOG read 3/4; users 1-10",
		},
		{
			name: "renamed and created anew",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 3)) },
				func(s *site) {
					s.append("a.LOG", rowsOf(4, 5))
					s.rename("a.LOG", "a.LOG.1")
					s.write("a.LOG", proxyHead+row(6))
				},
				func(s *site) { s.append("a.LOG.1", row(7)); s.append("a.LOG", row(8)) }, // its writer has it open still
			),
			want:     "a.LOG read 2/3; a.LOG.1 read 6/7; users 1-8",
			followed: "a.LOG read 2/3; a.LOG.1 read 6/7; users 1-8 || a.LOG gone 6/7; a.LOG read 2/3; a.LOG.1 duplicate 0/7; users 1-8", // what was copied may have been read before
		},
		{
			name: "renamed twice unseen",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 3)) },
				func(s *site) {
					s.rename("a.LOG", "a.LOG.1")
					s.write("a.LOG", proxyHead+rowsOf(4, 9))
					s.rename("a.LOG.1", "a.LOG.2")
					s.rename("a.LOG", "a.LOG.1")
					s.write("a.LOG", proxyHead+row(10))
				},
			),
			want: "a.LOG read 1/2; a.LOG.1 read 6/7; a.LOG.2 read 3/4; users 1-10",
		},
		{
			name: "renamed with an unfinished line",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 3)+row(4)[:40]) },
				func(s *site) { s.rename("a.LOG", "a.LOG.1"); s.write("a.LOG", proxyHead+row(5)) },
				func(s *site) { s.append("a.LOG.1", row(4)[40:]) },
			),
			want: "a.LOG read 1/2; a.LOG.1 read 4/5; users 1-5",
		},
		{
			name: "renamed as its first line comes",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead); s.write("c.LOG", proxyHead+row(9)) },
				func(s *site) { s.append("a.LOG", row(1)); s.rename("a.LOG", "b.LOG") },
			),
			want: "b.LOG read 1/2; c.LOG read 1/2; users 1 9",
		},
		{
			name: "copied and truncated",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 3)) },
				func(s *site) { s.append("a.LOG", rowsOf(4, 6)); s.copy("a.LOG", "a.LOG.1"); s.truncate("a.LOG", 0) },
				func(s *site) { s.append("a.LOG", proxyHead+rowsOf(7, 8)) },
			),
			want:     "a.LOG read 2/3; a.LOG.1 read 6/7; users 1-8",
			followed: "a.LOG read 2/3; a.LOG.1 read 6/7; users 1-8 || a.LOG gone 6/7; a.LOG read 2/3; a.LOG.1 duplicate 0/7; users 1-8", // what was copied may have been read before
		},
		{
			name: "copied and truncated and written on unseen",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 3)) },
				func(s *site) {
					s.append("a.LOG", rowsOf(4, 6))
					s.copy("a.LOG", "a.LOG.1")
					s.truncate("a.LOG", 0)
					s.append("a.LOG", proxyHead+row(7))
				},
				func(s *site) { s.append("a.LOG", row(8)) },
			),
			want:     "a.LOG read 2/3; a.LOG.1 read 6/7; users 1-8",
			followed: "a.LOG read 2/3; a.LOG.1 read 6/7; users 1-8 || a.LOG gone 6/7; a.LOG read 2/3; a.LOG.1 duplicate 0/7; users 1-8", // what was copied may have been read before
		},
		{
			name: "copied and truncated and grown beyond what it was",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 3)) },
				func(s *site) {
					s.append("a.LOG", rowsOf(4, 6))
					s.copy("a.LOG", "a.LOG.1")
					s.truncate("a.LOG", 0)
					s.append("a.LOG", proxyHead+rowsOf(7, 20))
				},
			),
			want:     "a.LOG read 14/15; a.LOG.1 read 6/7; users 1-20",
			followed: "a.LOG read 14/15; a.LOG.1 read 6/7; users 1-20 || a.LOG gone 6/7; a.LOG read 14/15; a.LOG.1 duplicate 0/7; users 1-20", // what was copied may have been read before
		},
		{
			name: "copied, and truncated when the copy was seen",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 3)) },
				func(s *site) { s.append("a.LOG", row(4)); s.copy("a.LOG", "a.LOG.1") },
				func(s *site) { s.truncate("a.LOG", 0); s.append("a.LOG", proxyHead+row(5)) },
			),
			want: "a.LOG gone 4/5; a.LOG read 1/2; a.LOG.1 duplicate 0/5; users 1-5",
		},
		{
			name: "truncated without a copy",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 3)) },
				func(s *site) { s.truncate("a.LOG", 0); s.append("a.LOG", proxyHead+row(4)) },
			),
			want: "a.LOG gone 3/4; a.LOG read 1/2; users 1-4",
		},
		{
			name: "removed and created anew as the same file",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 3)) },
				func(s *site) { s.sameInode("a.LOG", proxyHead+rowsOf(4, 9)) },
				func(s *site) { s.append("a.LOG", row(10)) },
			),
			want: "a.LOG gone 3/4; a.LOG read 7/8; users 1-10",
		},
		{
			name: "removed, and another log is the same file",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 3)) },
				func(s *site) { s.sameInodeAs("a.LOG", "b.LOG", proxyHead+rowsOf(4, 9)) },
			),
			want: "a.LOG gone 3/4; b.LOG read 6/7; users 1-9",
		},
		{
			name: "another log renamed over it, with lines nobody read",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 3)) },
				func(s *site) { s.append("a.LOG", row(4)[:50]) },
				func(s *site) {
					s.append("a.LOG", row(4)[50:]+row(5))
					s.write("../new", proxyHead+rowsOf(6, 12))
					s.rename("../new", "a.LOG")
				},
			),
			want:     "a.LOG gone 3/5 hole of 50; a.LOG read 7/8; users 1-3 6-12", // that it grew on, nobody saw
			followed: "a.LOG gone 5/6; a.LOG read 7/8; users 1-12",
		},
		{
			name: "the same log renamed over it",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 3)) },
				func(s *site) { s.write("../new", proxyHead+rowsOf(1, 5)); s.rename("../new", "a.LOG") },
				func(s *site) { s.append("a.LOG", row(6)) },
			),
			want: "a.LOG read 6/7; users 1-6",
		},
		{
			name: "removed with an unfinished line",
			steps: does(
				func(s *site) {
					s.write("a.LOG", proxyHead+rowsOf(1, 3)+row(4)[:40])
					s.write("b.LOG", proxyHead+row(9))
				},
				func(s *site) { s.remove("a.LOG") },
			),
			want: "a.LOG gone 3/5 hole of 40; b.LOG read 1/2; users 1-3 9",
		},
		{
			name: "a symbolic link to it",
			steps: does(
				func(s *site) { s.write("../far.LOG", proxyHead+rowsOf(1, 3)); s.link("../far.LOG", "a.LOG") },
				func(s *site) { s.append("../far.LOG", row(4)) },
			),
			want: "a.LOG read 4/5; users 1-4",
		},
		{
			name: "a symbolic link that is turned",
			steps: does(
				func(s *site) { s.write("../one.LOG", proxyHead+rowsOf(1, 3)); s.link("../one.LOG", "a.LOG") },
				func(s *site) {
					s.write("../two.LOG", proxyHead+rowsOf(4, 9))
					s.link("../two.LOG", "../turned")
					s.rename("../turned", "a.LOG")
				},
				func(s *site) { s.append("../two.LOG", row(10)) },
			),
			want: "a.LOG gone 3/4; a.LOG read 7/8; users 1-10",
		},
		{
			name: "a symbolic link that is turned beside its files",
			steps: does(
				func(s *site) { s.link("u1.LOG", "current"); s.write("u1.LOG", proxyHead+rowsOf(1, 3)) },
				func(s *site) {
					s.append("u1.LOG", row(4))
					s.write("u2.LOG", proxyHead+rowsOf(5, 9))
					s.link("u2.LOG", "../turned")
					s.rename("../turned", "current")
				},
				func(s *site) { s.append("u2.LOG", row(10)) },
			),
			want: "current read 6/7; u1.LOG read 4/5; users 1-10",
		},
		{
			name: "a symbolic link to it that comes later",
			steps: does(
				func(s *site) { s.write("u1.LOG", proxyHead+rowsOf(1, 3)) },
				func(s *site) { s.link("u1.LOG", "current") },
				func(s *site) { s.append("u1.LOG", row(4)) },
				func(s *site) { s.remove("current"); s.append("u1.LOG", row(5)) },
				func(s *site) { s.append("u1.LOG", row(6)) },
			),
			want: "u1.LOG read 6/7; users 1-6",
		},
		{
			name: "a second name for the file, and the first one goes",
			steps: does(
				func(s *site) {
					s.write("a.LOG", proxyHead+rowsOf(1, 3))
					s.must(os.Link(s.path("a.LOG"), s.path("b.LOG")))
				},
				func(s *site) { s.append("b.LOG", row(4)); s.remove("a.LOG") },
				func(s *site) { s.append("b.LOG", row(5)) },
			),
			want: "b.LOG read 5/6; users 1-5",
		},
	}
}
