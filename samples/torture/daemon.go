package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// A daemon is one life of `outmode serve`.
type daemon struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it is gone
	err   error         // how it ended; to be read after ended
}

// start begins a life. What it says goes to the log.
func start(p *program, logs string, extra []string, log io.Writer) (*daemon, error) {
	args := append([]string{"serve", "--data", p.data}, extra...)
	d := &daemon{cmd: exec.Command(p.bin, append(args, logs)...), ended: make(chan struct{})}
	d.cmd.Stdout, d.cmd.Stderr = log, log
	if err := d.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the daemon: %w", err)
	}
	go func() {
		d.err = d.cmd.Wait()
		close(d.ended)
	}()
	return d, nil
}

// kill ends the daemon with SIGKILL. alone says that it had ended by itself before, which it must not.
func (d *daemon) kill() (alone bool) {
	err := d.cmd.Process.Kill()
	<-d.ended
	return errors.Is(err, os.ErrProcessDone)
}

// grace is how long a daemon may take to stop.
const grace = 5 * time.Second

// terminate asks the daemon to stop.
func (d *daemon) terminate() { _ = d.cmd.Process.Signal(syscall.SIGTERM) }

// stop asks the daemon to stop and says what was wrong with how it did.
func (d *daemon) stop() error {
	asked := time.Now()
	d.terminate()
	late := time.NewTimer(4 * grace)
	defer late.Stop()
	select {
	case <-d.ended:
	case <-late.C:
		d.kill()
		return fmt.Errorf("SIGTERM: still running after %s, killed", 4*grace)
	}
	if took := time.Since(asked); took > grace {
		return fmt.Errorf("SIGTERM: took %s to stop, want under %s", took.Round(time.Millisecond), grace)
	}
	if d.err != nil {
		return fmt.Errorf("SIGTERM: want exit 0, got %w", d.err)
	}
	return nil
}
