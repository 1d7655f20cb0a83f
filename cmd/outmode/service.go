package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/outmode/outmode/ingest/tail"
)

// A serviceManager is where services are installed and run. There is one only on Windows.
type serviceManager interface {
	install(p *servicePlan) error
	uninstall(ctx context.Context) error
	start(ctx context.Context) error
	stop(ctx context.Context) error
	reload() error
	status() (serviceStatus, error)
}

func newService(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "service",
		Short: "Run serve as a service of Windows",
		Long: `Service makes "outmode serve" a service of Windows: it starts with the machine, a while after everything else, runs
as an account of its own that may do nothing but what it is given, and is started again if it ends by itself.

It needs no right but to read the folders of logs and to write to its own; install prints the lines that give them.
Warnings go to the event log (Application, source ` + serviceName + `), all that it logs to ` + logFile + ` beside the store.

On Linux systemd does the same: packaging/outmode.service is the unit, docs/install.md says how.`,
		Example: `  outmode service install -c C:\ProgramData\Outmode\config.yaml
  outmode service start
  outmode service status`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return usagef("service has no command %q; %q lists them", args[0], c.CommandPath()+" --help")
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newServiceInstall(g), newServiceStatus(g))
	for _, s := range []struct {
		use, short, done string
		do               func(context.Context, serviceManager) error
	}{
		{"uninstall", "Stop the service and remove it; the store and the configuration stay", "removed; the store and the configuration are where they were", func(ctx context.Context, m serviceManager) error { return m.uninstall(ctx) }},
		{"start", "Start the service and wait until it reads logs", "running; next: outmode service status", func(ctx context.Context, m serviceManager) error { return m.start(ctx) }},
		{"stop", "Stop the service and wait until it has", "stopped", func(ctx context.Context, m serviceManager) error { return m.stop(ctx) }},
		{"reload", "Let the service read the configuration and the rules again", "told to read them again; " + logFile + " beside the store says whether they were good", func(_ context.Context, m serviceManager) error { return m.reload() }},
	} {
		c.AddCommand(&cobra.Command{
			Use: s.use, Short: s.short, Example: "  outmode service " + s.use, Args: atMost(0, "there is one service"),
			RunE: func(c *cobra.Command, _ []string) error {
				m, err := connectServices()
				if err != nil {
					return err
				}
				if err := s.do(c.Context(), m); err != nil {
					return err
				}
				_, err = fmt.Fprintf(g.out, "service %s: %s\n", serviceName, s.done)
				return err
			},
		})
	}
	return c
}

func newServiceInstall(g *globals) *cobra.Command {
	f := &serveFlags{globals: g, log: g.err}
	var account string
	c := &cobra.Command{
		Use:   "install [PATH...]",
		Short: "Install the service, and print the rights that it needs",
		Long: `Install makes a service that runs "outmode serve" with the same configuration, --data, --listen and PATHs as are
given here. It checks them first, as serve would. Then it prints the lines for PowerShell that give the account of the
service the rights that it needs; it changes no rights itself, and it starts nothing.

The account is ` + virtualAccount + `: it has no password, and is this computer to other machines. --account takes a group
managed service account instead.`,
		Example: `  outmode service install -c C:\ProgramData\Outmode\config.yaml
  outmode service install --account 'CONTOSO\outmode$'
  outmode service install --data D:\Outmode C:\inetpub\logs\LogFiles\W3SVC1`,
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("listen") && f.listen == "" {
				f.listen = nowhere
			}
			m, err := connectServices()
			if err != nil {
				return err
			}
			p, err := f.servicePlan(account, args)
			if err != nil {
				return err
			}
			if err := m.install(p); err != nil {
				return err
			}
			return p.write(g)
		},
	}
	c.Flags().StringVar(&f.data, "data", "", "directory of the store")
	c.Flags().StringVar(&f.listen, "listen", "", `address of /metrics, /healthz and /readyz ("" for none)`)
	c.Flags().StringVar(&account, "account", virtualAccount, "a group managed service account")
	return c
}

// servicePlan checks everything that the service will be told, as serve would.
func (f *serveFlags) servicePlan(account string, paths []string) (*servicePlan, error) {
	if err := checkAccount(account); err != nil {
		return nil, err
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	if f.config == "" && exists(defaultConfigFile()) {
		f.config = defaultConfigFile()
	}
	paths = append([]string(nil), paths...)
	named := []*string{&f.config, &f.data}
	for i := range paths {
		named = append(named, &paths[i])
	}
	for _, path := range named {
		if *path == "" {
			continue
		}
		if *path, err = filepath.Abs(*path); err != nil {
			return nil, fmt.Errorf("installing the service: %w", err)
		}
	}
	w, err := f.world(paths)
	if err != nil {
		return nil, err
	}
	for _, local := range []struct{ what, path string }{{"this program", exe}, {"the store", w.config.Data}} {
		there, _, err := existing(local.path)
		if err != nil {
			return nil, fmt.Errorf("installing the service: %w", err)
		}
		if kind, _, _ := tail.Network(there); placeOn(kind) == placeShare {
			return nil, fmt.Errorf("%s is on a share (%s); a service needs it on a disk of this machine", local.what, local.path)
		}
	}
	p := &servicePlan{exe: exe, args: serveArgs(f.config, f.data, f.listen, paths), account: account, data: w.config.Data, config: f.config, rules: w.config.Rules.Dirs}
	for _, file := range []string{w.config.ListenAuth.Token.File, w.config.TLS.Key} {
		if file != "" {
			p.private = append(p.private, file)
		}
	}
	for _, s := range w.config.Sources {
		info, err := os.Stat(s.Path)
		p.sources = append(p.sources, serviceSource{s.Path, err == nil && !info.IsDir()})
	}
	return p, nil
}

// write tells what is left to do.
func (p *servicePlan) write(g *globals) error {
	computer, err := os.Hostname()
	if err != nil {
		computer = "THIS-COMPUTER"
	}
	_, err = fmt.Fprintf(g.out, `service %s: installed, as %s; it is not started yet

Give it its rights. In PowerShell, as administrator:

  %s

next: outmode service start
`, serviceName, plain(p.account), plain(strings.Join(p.grants(strings.ToUpper(computer)), "\n  ")))
	return err
}

func newServiceStatus(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Whether the service runs, as whom and with what",
		Long: `Status tells whether the service runs, as whom and with what. Exit codes: 0 it runs, 1 it does not.

-o json: one object: name state pid exit start account command; state is running, stopped, starting or stopping, exit
the exit code of the last run.`,
		Example: "  outmode service status\n  outmode service status -o json",
		Args:    atMost(0, "there is one service"),
		RunE: func(*cobra.Command, []string) error {
			if err := g.format("table", "json"); err != nil {
				return err
			}
			m, err := connectServices()
			if err != nil {
				return err
			}
			s, err := m.status()
			if err != nil {
				return err
			}
			return s.write(g)
		},
	}
}

func (s *serviceStatus) write(g *globals) error {
	if g.output == "json" {
		if err := writeJSON(g.out, s); err != nil {
			return err
		}
	} else {
		state := s.State
		switch {
		case s.State == stateRunning.String():
			state += fmt.Sprintf(", process %d", s.PID)
		case s.Exit != 0:
			state += fmt.Sprintf("; the last run ended with %d: the event log says why (Application, source %s)", s.Exit, serviceName)
		}
		for _, line := range [][2]string{{"state", state}, {"start", s.Start}, {"account", s.Account}, {"command", s.Command}} {
			fmt.Fprintf(g.out, "%-8s %s\n", line[0], plain(line[1]))
		}
	}
	if s.State != stateRunning.String() {
		return &exit{exitError, nil}
	}
	return nil
}
