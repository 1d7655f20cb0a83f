//go:build !windows

package main

import (
	"syscall"
	"testing"
)

// reloadSelf asks this process to reload.
func reloadSelf(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}
