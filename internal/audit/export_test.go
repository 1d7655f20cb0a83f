package audit

// Zoned is what a skew of so many minutes is taken for.
func Zoned(minutes int64) int64 { return zoned(minutes) }
