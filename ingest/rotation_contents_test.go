//go:build linux

package ingest_test

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// contents are what stands in a log, and logs that are alike.
func contents() []rotation {
	old := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	return []rotation{
		{
			name: "a header and nothing else",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead); s.write("b.LOG", "") },
				func(s *site) { s.append("a.LOG", row(1)) },
				func(s *site) { s.append("b.LOG", proxyHead+row(2)) },
			),
			want: "a.LOG read 1/2; b.LOG read 1/2; users 1-2",
		},
		{
			name: "a header that is written anew in the middle",
			steps: does(
				func(s *site) { s.write("a.LOG", "#Fields: "+proxyHead+row(1)) },
				func(s *site) { s.append("a.LOG", "#Fields: "+proxyHead+row(2)) },
				func(s *site) { s.append("a.LOG", "#Fields: "+otherHead+otherRow(3)) },
				func(s *site) { s.append("a.LOG", otherRow(4)) },
				func(s *site) { s.append("a.LOG", "#Fields: "+proxyHead+row(5)) },
			),
			want: "a.LOG read 5/9; users 1-5",
		},
		{
			name: "a line of 64 kB",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 2)) },
				func(s *site) { s.append("a.LOG", longRow(3, 64<<10)) },
				func(s *site) { s.append("a.LOG", row(4)) },
			),
			want: "a.LOG read 4/5; users 1-4",
		},
		{
			name: "a line longer than 1 MiB",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 2)) },
				func(s *site) { s.append("a.LOG", strings.Repeat("x", 700<<10)) },
				func(s *site) { s.append("a.LOG", strings.Repeat("x", 700<<10)) },
				func(s *site) { s.append("a.LOG", "\r\n"+row(3)) },
				func(s *site) { s.append("a.LOG", row(4)) },
			),
			want:   "a.LOG read 4/6; users 1-4",
			partly: true, // such a log is only looked at from then on
		},
		{
			name: "NULs at the end that are written over",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 2)+nuls(4096)) },
				func(s *site) { s.writeAt("a.LOG", rowsOf(3, 4), int64(len(proxyHead+rowsOf(1, 2)))) },
				func(s *site) { s.writeAt("a.LOG", row(5), int64(len(proxyHead+rowsOf(1, 4)))) },
			),
			want: "a.LOG read 5/7; users 1-5", // the rest of the NULs is a line without an end
			// Nobody looks whether a log that is followed has a line without an end.
			followed: "a.LOG read 5/6; users 1-5",
		},
		{
			name: "NULs at the end that stay, and lines behind them",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 2)+nuls(4096)) },
				func(s *site) { s.append("a.LOG", rowsOf(3, 4)) },
			),
			want: "a.LOG read 4/5; users 1-4",
		},
		{
			name: "a byte order mark",
			steps: does(
				func(s *site) { s.write("a.LOG", "\uFEFF"+proxyHead+rowsOf(1, 2)) },
				func(s *site) { s.append("a.LOG", row(3)) },
			),
			want: "a.LOG read 3/4; users 1-3",
		},
		{
			name: "UTF-16",
			steps: does(
				func(s *site) { s.write("a.LOG", wide(proxyHead+rowsOf(1, 2))) },
				func(s *site) { s.append("a.LOG", wide(row(3) + row(4)[:40])[2:]) },
				func(s *site) { s.append("a.LOG", wide(row(4)[40:])[2:]) },
			),
			want: "a.LOG read 4/5; users 1-4",
		},
		{
			name: "a torn line",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead[:20]) },
				func(s *site) { s.append("a.LOG", proxyHead[20:]+row(1)[:9]) },
				func(s *site) { s.append("a.LOG", row(1)[9:]+row(2)[:len(row(2))-1]) }, // between CR and LF
				func(s *site) { s.append("a.LOG", "\n"+row(3)[:70]) },
				func(s *site) { s.append("a.LOG", row(3)[70:]) },
			),
			want: "a.LOG read 3/4; users 1-3",
		},
		{
			name: "line ends of both kinds",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+strings.TrimSuffix(row(1), "\r\n")+"\n") },
				func(s *site) { s.append("a.LOG", strings.TrimSuffix(row(2), "\r\n")+"\n"+row(3)+"\r\n\n") },
			),
			want: "a.LOG read 3/6; users 1-3", // blank lines are lines
		},
		{
			name: "a log that comes and goes unseen",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+row(1)) },
				func(s *site) { s.write("b.LOG", proxyHead+row(2)); s.remove("b.LOG"); s.append("a.LOG", row(3)) },
			),
			want:     "a.LOG read 2/3; users 1 3",
			followed: "-",
		},
		{
			name: "two logs that begin alike",
			steps: does(
				func(s *site) { s.write("ex1/a.LOG", alike()); s.write("ex2/a.LOG", alike()) },
				func(s *site) { s.append("ex1/a.LOG", rowsOf(1, 3)) },
				func(s *site) { s.append("ex2/a.LOG", rowsOf(4, 5)) },
				func(s *site) { s.append("ex1/a.LOG", row(6)); s.append("ex2/a.LOG", row(7)) },
			),
			want: "ex1/a.LOG read 44/45; ex2/a.LOG read 43/44; users 1-7 1001-1040x2",
		},
		{
			name: "two logs that begin alike, and the first falls behind",
			steps: does(
				func(s *site) { s.write("ex1/a.LOG", alike()); s.write("ex2/a.LOG", alike()+row(1)) },
				func(s *site) { s.append("ex2/a.LOG", row(2)) },
				func(s *site) { s.append("ex1/a.LOG", row(3)) },
				func(s *site) { s.append("ex1/a.LOG", row(4)); s.append("ex2/a.LOG", row(5)) },
			),
			want: "ex1/a.LOG read 42/43; ex2/a.LOG read 43/44; users 1-5 1001-1040x2",
		},
		{
			name: "packed when it was read",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 5)) },
				func(s *site) { s.gzip("a.LOG", "a.LOG.gz") },
				func(s *site) { s.remove("a.LOG") },
			),
			want: "a.LOG gone 5/6; a.LOG.gz duplicate 0/6; users 1-5",
		},
		{
			name: "packed and removed before it was read to its end",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 3)) },
				func(s *site) { s.append("a.LOG", rowsOf(4, 6)); s.gzip("a.LOG", "a.LOG.gz"); s.remove("a.LOG") },
			),
			want:     "a.LOG.gz read 6/7; users 1-6",
			followed: "a.LOG.gz read 6/7; users 1-6 || a.LOG gone 6/7; a.LOG.gz duplicate 0/7; users 1-6", // what was packed may have been read before
		},
		{
			name: "packed while somebody looks",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 300)) },
				func(s *site) { z := packed(s.read("a.LOG")); s.write("a.LOG.gz", z[:len(z)*2/3]) },
				func(s *site) { z := packed(s.read("a.LOG")); s.append("a.LOG.gz", z[len(z)*2/3:]) },
				func(s *site) { s.remove("a.LOG") },
			),
			want:   "a.LOG gone 300/301; a.LOG.gz duplicate 0/301; users 1-300",
			partly: true,
		},
		{
			name: "a copy that is seen before it has a line",
			steps: does(
				func(s *site) {
					s.write("a.LOG", proxyHead+rowsOf(1, 5))
					s.write("b.LOG", "")
					s.write("c.LOG", proxyHead)
				},
				func(s *site) { s.write("b.LOG", proxyHead); s.append("c.LOG", rowsOf(1, 3)) },
				func(s *site) { s.append("b.LOG", rowsOf(1, 5)) },
			),
			want: "a.LOG read 5/6; b.LOG duplicate 0/6; c.LOG duplicate 0/4; users 1-5",
		},
		{
			name: "an archive that grows",
			steps: does(
				func(s *site) { s.write("a.gz", packed(proxyHead+rowsOf(1, 3))) },
				func(s *site) { s.append("a.gz", packed(rowsOf(4, 5))) },
			),
			want: "a.gz read 5/6; users 1-5",
		},
		{
			name: "a copy elsewhere while it grows",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 3)) },
				func(s *site) { s.append("a.LOG", row(4)); s.copy("a.LOG", "0/a.LOG"); s.append("a.LOG", row(5)) },
				func(s *site) { s.append("a.LOG", row(6)) },
				func(s *site) { s.copy("a.LOG", "0/a.LOG") },
			),
			want: "0/a.LOG duplicate 0/7; a.LOG read 6/7; users 1-6",
		},
		{
			name: "a copy elsewhere that goes on in place of the log",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 3)) },
				func(s *site) { s.copy("a.LOG", "new/a.LOG") },
				func(s *site) { s.append("new/a.LOG", row(4)) },
				func(s *site) { s.remove("a.LOG"); s.append("new/a.LOG", row(5)) },
			),
			want: "a.LOG gone 0/4; new/a.LOG read 5/6; users 1-5",
		},
		{
			name: "a copy elsewhere that is renamed and goes on",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 3)) },
				func(s *site) { s.copy("a.LOG", "b.LOG") },
				func(s *site) { s.rename("b.LOG", "c.LOG") },
				func(s *site) { s.append("c.LOG", row(4)) },
			),
			want: "a.LOG duplicate 0/4; b.LOG gone 0/4; c.LOG read 4/5; users 1-4",
		},
		{
			name: "last month's log that comes late",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 2)) },
				func(s *site) {
					s.write("old.LOG", strings.ReplaceAll(proxyHead+rowsOf(3, 4), "2026-10-06", "2026-09-06"))
				},
			),
			want: "a.LOG read 2/3; old.LOG read 2/3; users 1-4",
		},
		{
			// What was committed of it and stands in it still cannot be told from what is new: it is another log, and
			// its first lines count again. Nothing is lost.
			name: "truncated to a shorter length and grown again",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 5)) },
				func(s *site) { s.truncate("a.LOG", int64(len(proxyHead+rowsOf(1, 2)))) },
				func(s *site) { s.append("a.LOG", row(6)) },
				func(s *site) { s.append("a.LOG", rowsOf(7, 12)) },
			),
			want: "a.LOG gone 5/6 hole of 0; a.LOG read 9/10; users 1-2x2 3-12",
		},
		{
			name: "truncated to a shorter length and grown again unseen",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 5)) },
				func(s *site) {
					s.truncate("a.LOG", int64(len(proxyHead+rowsOf(1, 2))))
					s.append("a.LOG", longRow(6, 5000)+row(7))
				},
			),
			want: "a.LOG gone 5/6 hole of 0; a.LOG read 4/5; users 1-2x2 3-7",
		},
		{
			name: "times that go backwards",
			steps: does(
				func(s *site) { s.write("a.LOG", proxyHead+rowsOf(1, 2)) },
				func(s *site) { s.append("a.LOG", row(3)); s.must(os.Chtimes(s.path("a.LOG"), old, old)) },
				func(s *site) {
					s.append("a.LOG", row(4))
					s.must(os.Chtimes(s.path("a.LOG"), old, old.Add(-time.Hour)))
				},
			),
			want:   "a.LOG read 4/5; users 1-4",
			partly: true,
		},
		{
			name: "a folder that goes away and comes back",
			steps: does(
				func(s *site) {
					s.write("x/a.LOG", proxyHead+rowsOf(1, 2))
					s.write("x/b.LOG", proxyHead)
					s.write("c.LOG", proxyHead+row(9))
				},
				func(s *site) { s.rename("x", "../x") },
				func(s *site) { s.append("../x/a.LOG", row(3)) },
				func(s *site) { s.rename("../x", "x") },
				func(s *site) { s.append("x/a.LOG", row(4)); s.append("x/b.LOG", row(5)) },
			),
			want: "c.LOG read 1/2; x/a.LOG read 4/5; x/b.LOG read 1/2; users 1-5 9",
		},
		{
			name: "a file that does not show at first what it is",
			steps: does(
				func(s *site) {
					s.write("a.LOG", "#Software: Microsoft Exchange Server\r\n#Version: 15.02.1544.004\r\n")
				},
				func(s *site) { s.append("a.LOG", "#Log-type: HttpProxy Logs\r\n#Date: 2026-10-06T08:00:00.000Z\r\n") },
				func(s *site) { s.append("a.LOG", "#Fields: "+proxyHead+row(1)) },
			),
			want: "a.LOG read 1/6; users 1",
		},
	}
}

const otherHead = "DateTime,HttpStatus,ServerHostName,AuthenticatedUser,IsAuthenticated,AuthenticationType,UrlStem,Protocol,RequestId,ProxyAction,BackEndStatus,TargetServer\r\n"

func otherRow(n int) string {
	r := request{id: n}
	return "2026-10-06T08:15:00Z,200,EX01,CONTOSO\\u0000" + string(rune('0'+n)) + ",true,Basic,/EWS,Ews," + r.guid() + ",,,\r\n"
}

// alike is how two logs begin: with more than their fingerprint covers.
func alike() string { return proxyHead + rowsOf(1001, 1040) }

func nuls(n int) string { return strings.Repeat("\x00", n) }

// longRow is the line of a user with an agent of so many bytes.
func longRow(n, size int) string {
	return strings.Replace(row(n), ",agent,", ","+strings.Repeat("a", size)+",", 1)
}

// sameInode removes a log and writes another one that is the same file to the operating system.
func (s *site) sameInode(name, text string) { s.t.Helper(); s.sameInodeAs(name, name, text) }

func (s *site) sameInodeAs(name, as, text string) {
	s.t.Helper()
	inode := func(name string) uint64 {
		fi, err := os.Stat(s.path(name))
		s.must(err)
		return fi.Sys().(*syscall.Stat_t).Ino
	}
	was := inode(name)
	s.remove(name)
	var others []string
	defer func() {
		for _, other := range others {
			s.remove(other)
		}
	}()
	// The numbers that it got instead are kept, so that the next one is another. Who follows the log has it open for a
	// moment yet, in which its number is not free.
	found := inTime(patience/8, func() string {
		other := "../inode" + strconv.Itoa(len(others))
		s.write(other, text)
		if inode(other) == was {
			s.rename(other, as)
			return ""
		}
		others = append(others, other)
		return "another number"
	})
	if found != "" {
		s.t.Skip("this file system does not use the number of a file again, or not soon")
	}
}
