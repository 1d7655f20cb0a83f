//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// together makes a command and all that it starts one group, which dies as one: a strace that is killed alone leaves its
// program running.
func together(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
