package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// The numbers of this file are those of the service control manager of Windows, written down here so that what follows
// from them is tested everywhere.

// A control is what the service control manager asks of a service.
type control uint32

const (
	controlStop        control = 1
	controlInterrogate control = 4
	controlShutdown    control = 5
	controlParamChange control = 6 // the configuration changed: read it again
)

// A serviceState is what a service tells of itself.
type serviceState uint32

const (
	stateStopped      serviceState = 1
	stateStartPending serviceState = 2
	stateStopPending  serviceState = 3
	stateRunning      serviceState = 4
)

func (s serviceState) String() string {
	names := [...]string{1: "stopped", "starting", "stopping", "running", "continuing", "pausing", "paused"}
	if int(s) < len(names) && names[s] != "" {
		return names[s]
	}
	return fmt.Sprintf("state %d", uint32(s))
}

// What a running service accepts: stop, shutdown and paramchange.
const acceptsRunning = 0x1 | 0x4 | 0x8

// An announcement is what the service control manager is told.
type announcement struct {
	state   serviceState
	accepts uint32
	step    uint32        // grows while something takes its time
	wait    time.Duration // until the next step, at most
}

// Starting and stopping take steps: the service control manager gives up on a service that is not heard of for longer
// than it said.
const (
	stepEvery = 3 * time.Second
	stepWait  = 30 * time.Second
)

// supervise runs a program as the service control manager wants a service to run, and returns its exit code. The program
// says by up that it serves.
func supervise(requests <-chan control, announce func(announcement), program func(ctx context.Context, up func(), reload <-chan struct{}) int) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	up, reload, ended := make(chan struct{}), make(chan struct{}, 1), make(chan int, 1)
	go func() { ended <- program(ctx, sync.OnceFunc(func() { close(up) }), reload) }()
	now := announcement{state: stateStartPending, wait: stepWait}
	announce(now)
	tick := time.NewTicker(stepEvery)
	defer tick.Stop()
	serves := up
	for {
		select {
		case <-serves:
			serves = nil
			if now.state == stateStartPending {
				now = announcement{state: stateRunning, accepts: acceptsRunning}
				announce(now)
			}
		case <-tick.C:
			if now.state != stateRunning {
				now.step++
				announce(now)
			}
		case c := <-requests:
			switch c {
			case controlStop, controlShutdown:
				if now.state != stateStopPending {
					now = announcement{state: stateStopPending, wait: stepWait}
					cancel()
				}
				announce(now)
			case controlParamChange:
				select {
				case reload <- struct{}{}:
				default: // one is waiting
				}
			case controlInterrogate:
				announce(now)
			}
		case code := <-ended:
			return code
		}
	}
}
