//go:build !linux

package main

// monotonic: there is no systemd here.
func monotonic() (microseconds int64, ok bool) { return 0, false }
