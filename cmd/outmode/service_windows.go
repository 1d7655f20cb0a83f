package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/eventlog"
	"golang.org/x/sys/windows/svc/mgr"
)

// runAsService runs the program as a service of Windows, if it was started as one. The arguments are those of the
// command line that install wrote.
func runAsService(args []string) (code int, is bool) {
	if is, err := svc.IsWindowsService(); err != nil || !is {
		return 0, false
	}
	s := &windowsService{args: args}
	if err := svc.Run(serviceName, s); err != nil {
		return exitError, true
	}
	return s.code, true
}

// A windowsService is one run as a service.
type windowsService struct {
	args []string
	code int
}

// Execute is called by the service control manager.
func (s *windowsService) Execute(_ []string, requests <-chan svc.ChangeRequest, changes chan<- svc.Status) (specific bool, code uint32) {
	report := func(slog.Level, string) error { return nil }
	if events, err := eventlog.Open(serviceName); err == nil {
		defer events.Close()
		report = func(level slog.Level, text string) error {
			if level >= slog.LevelError {
				return events.Error(eventError, text)
			}
			return events.Warning(eventWarning, text)
		}
	}
	controls, done := make(chan control), make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case r := <-requests:
				select {
				case controls <- control(r.Cmd):
				case <-done:
					return
				}
			case <-done:
				return
			}
		}
	}()
	announce := func(a announcement) {
		changes <- svc.Status{State: svc.State(a.state), Accepts: svc.Accepted(a.accepts), CheckPoint: a.step, WaitHint: uint32(a.wait.Milliseconds())}
	}
	s.code = supervise(controls, announce, func(ctx context.Context, up func(), reload <-chan struct{}) int {
		h := &host{wishes: reload, serving: up, events: eventHandler(report, time.Now), spill: &spill{}}
		code := runFor(ctx, s.args, streams{strings.NewReader(""), h.spill, h.spill}, h)
		if code != exitDone {
			_ = report(slog.LevelError, eventText(fmt.Sprintf("outmode %s ended with exit code %d\n%s", strings.Join(s.args, " "), code, h.spill.text())))
		}
		return code
	})
	return s.code != exitDone, uint32(s.code)
}

// Numbers of events, of those that EventCreate.exe has texts for.
const (
	eventWarning = 2
	eventError   = 3
)

// serviceText describes the service where Windows lists it.
const serviceText = "Reads the logs of Exchange and IIS and says who still signs in with legacy authentication. It changes nothing. " +
	"It needs the right to read the folders of logs, and to write to its own."

// errNotInstalled says that there is no service.
var errNotInstalled = errors.New("the service is not installed: \"outmode service install\" does that")

// windowsServices is the service control manager of this machine.
type windowsServices struct{}

// connectServices opens the manager of services.
func connectServices() (serviceManager, error) { return windowsServices{}, nil }

// open opens the service, with only the rights that are needed for what is to be done: status is for everybody.
func (windowsServices) open(scm, service uint32) (s *mgr.Service, done func(), err error) {
	m, err := windows.OpenSCManager(nil, nil, scm)
	if err != nil {
		return nil, nil, refused("opening the service control manager", err)
	}
	name, err := windows.UTF16PtrFromString(serviceName)
	if err != nil {
		return nil, nil, err
	}
	h, err := windows.OpenService(m, name, service)
	if err != nil {
		windows.CloseServiceHandle(m)
		if errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST) {
			return nil, nil, errNotInstalled
		}
		return nil, nil, refused("opening the service", err)
	}
	s = &mgr.Service{Name: serviceName, Handle: h}
	return s, func() {
		s.Close()
		windows.CloseServiceHandle(m)
	}, nil
}

// refused says of a refusal what to do.
func refused(doing string, err error) error {
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) {
		return fmt.Errorf("%s: %w: run it as administrator", doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// install makes the service, or leaves nothing behind.
func (windowsServices) install(p *servicePlan) (err error) {
	m, err := mgr.Connect()
	if err != nil {
		return refused("opening the service control manager", err)
	}
	defer m.Disconnect()
	s, err := m.CreateService(serviceName, p.exe, mgr.Config{
		DisplayName: serviceName, Description: serviceText, ServiceStartName: p.account,
		StartType: mgr.StartAutomatic, DelayedAutoStart: true, ErrorControl: mgr.ErrorNormal,
		SidType: windows.SERVICE_SID_TYPE_UNRESTRICTED,
	}, p.args...)
	switch {
	case errors.Is(err, windows.ERROR_SERVICE_EXISTS):
		return errors.New("the service is installed already: \"outmode service uninstall\" removes it, and leaves the store; for a new version it is enough to stop it, replace the program and start it")
	case errors.Is(err, windows.ERROR_SERVICE_MARKED_FOR_DELETE):
		return errors.New("the service is being removed: close the windows that show services (services.msc, Task Manager), and try again")
	case err != nil:
		return refused("installing the service", err)
	}
	defer s.Close()
	defer func() {
		if err != nil {
			_ = s.Delete()
		}
	}()
	if err := s.SetRecoveryActions([]mgr.RecoveryAction{
		{Type: mgr.ServiceRestart, Delay: 5 * time.Second}, {Type: mgr.ServiceRestart, Delay: 30 * time.Second}, {Type: mgr.ServiceRestart, Delay: time.Minute},
	}, uint32((24 * time.Hour).Seconds())); err != nil {
		return fmt.Errorf("saying what is done when the service ends by itself: %w", err)
	}
	if err := s.SetRecoveryActionsOnNonCrashFailures(true); err != nil {
		return fmt.Errorf("saying what is done when the service ends by itself: %w", err)
	}
	if err := requirePrivileges(s.Handle, "SeChangeNotifyPrivilege"); err != nil {
		return fmt.Errorf("taking privileges from the service: %w", err)
	}
	err = eventlog.InstallAsEventCreate(serviceName, eventlog.Error|eventlog.Warning|eventlog.Info)
	if err != nil && !strings.HasSuffix(err.Error(), "registry key already exists") { // of an earlier installation
		return fmt.Errorf("registering the source of events: %w", err)
	}
	return nil
}

// requirePrivileges leaves a service no other privileges than these: a virtual account could impersonate others.
func requirePrivileges(service windows.Handle, names ...string) error {
	var list []uint16
	for _, n := range append(names, "") {
		text, err := windows.UTF16FromString(n)
		if err != nil {
			return err
		}
		list = append(list, text...)
	}
	info := struct{ names *uint16 }{&list[0]} // SERVICE_REQUIRED_PRIVILEGES_INFOW
	return windows.ChangeServiceConfig2(service, windows.SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, (*byte)(unsafe.Pointer(&info)))
}

func (w windowsServices) uninstall(ctx context.Context) error {
	if err := w.stop(ctx); err != nil {
		return err
	}
	s, done, err := w.open(windows.SC_MANAGER_CONNECT, windows.DELETE)
	if err != nil {
		return err
	}
	defer done()
	if err := s.Delete(); err != nil && !errors.Is(err, windows.ERROR_SERVICE_MARKED_FOR_DELETE) {
		return refused("removing the service", err)
	}
	if err := eventlog.Remove(serviceName); err != nil && !errors.Is(err, windows.ERROR_FILE_NOT_FOUND) {
		return refused("removing the source of events", err)
	}
	return nil
}

func (w windowsServices) start(ctx context.Context) error {
	s, done, err := w.open(windows.SC_MANAGER_CONNECT, windows.SERVICE_START|windows.SERVICE_QUERY_STATUS)
	if err != nil {
		return err
	}
	defer done()
	if err := s.Start(); err != nil && !errors.Is(err, windows.ERROR_SERVICE_ALREADY_RUNNING) {
		if errors.Is(err, windows.ERROR_SERVICE_LOGON_FAILED) {
			return fmt.Errorf("starting the service: %w: its account needs the right \"Log on as a service\"", err)
		}
		return refused("starting the service", err)
	}
	return w.wait(ctx, s, svc.Running)
}

func (w windowsServices) stop(ctx context.Context) error {
	s, done, err := w.open(windows.SC_MANAGER_CONNECT, windows.SERVICE_STOP|windows.SERVICE_QUERY_STATUS)
	if err != nil {
		return err
	}
	defer done()
	if _, err := s.Control(svc.Stop); err != nil {
		if errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) {
			return nil
		}
		return refused("stopping the service", err)
	}
	return w.wait(ctx, s, svc.Stopped)
}

// waitMost is how long a service may take to start or to stop.
const waitMost = time.Minute

func (windowsServices) wait(ctx context.Context, s *mgr.Service, until svc.State) error {
	ctx, cancel := context.WithTimeout(ctx, waitMost)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := s.Query()
		switch {
		case err != nil:
			return fmt.Errorf("asking how the service is: %w", err)
		case now.State == until:
			return nil
		case now.State == svc.Stopped:
			return fmt.Errorf("the service ended with %d: the event log says why (Application, source %s)", exitOf(now.Win32ExitCode, now.ServiceSpecificExitCode), serviceName)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the service is still %v after %v: \"outmode service status\" tells how it goes on", serviceState(now.State), waitMost)
		}
	}
}

func (w windowsServices) reload() error {
	s, done, err := w.open(windows.SC_MANAGER_CONNECT, windows.SERVICE_PAUSE_CONTINUE)
	if err != nil {
		return err
	}
	defer done()
	_, err = s.Control(svc.ParamChange)
	if errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) {
		return errors.New("the service does not run: it reads the configuration when it starts")
	}
	if err != nil {
		return refused("telling the service to read its configuration again", err)
	}
	return nil
}

func (w windowsServices) status() (serviceStatus, error) {
	s, done, err := w.open(windows.SC_MANAGER_CONNECT, windows.SERVICE_QUERY_STATUS|windows.SERVICE_QUERY_CONFIG)
	if err != nil {
		return serviceStatus{}, err
	}
	defer done()
	now, err := s.Query()
	if err != nil {
		return serviceStatus{}, refused("asking how the service is", err)
	}
	c, err := s.Config()
	if err != nil {
		return serviceStatus{}, refused("asking what the service is", err)
	}
	return serviceStatus{
		Name: serviceName, State: serviceState(now.State).String(), PID: now.ProcessId, Exit: exitOf(now.Win32ExitCode, now.ServiceSpecificExitCode),
		Start: startWords(c.StartType, c.DelayedAutoStart), Account: c.ServiceStartName, Command: c.BinaryPathName,
	}, nil
}
