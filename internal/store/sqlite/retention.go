package sqlite

import "time"

// Retention is how long each sort of record is kept, counted back from the newest event in the store or the clock,
// whichever is earlier. A zero field means its default.
type Retention struct {
	Hours    time.Duration // hour rows and the minutes of rules; default 35 days
	Days     time.Duration // day rows; default 400 days
	Evidence time.Duration // of findings; default 90 days
	Findings time.Duration // those that are resolved; default 2 years
}

func (r Retention) orDefault() Retention {
	const day = 24 * time.Hour
	for _, f := range []struct {
		have *time.Duration
		days time.Duration
	}{{&r.Hours, 35}, {&r.Days, 400}, {&r.Evidence, 90}, {&r.Findings, 730}} {
		if *f.have <= 0 {
			*f.have = f.days * day
		}
	}
	return r
}
