package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

func newConfig(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Write, check and describe the configuration of serve",
		Long: `Serve needs no configuration: "outmode serve --data DIR PATH..." does. A file keeps what it is told, and
explains every key. Without -c it is ` + defaultConfigFile() + `.`,
		Example: "  outmode config init --logs /logs config.yaml\n  outmode config check config.yaml\n  outmode config schema > outmode.schema.json",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			hint := fmt.Sprintf("%q lists them", c.CommandPath()+" --help")
			if near := c.SuggestionsFor(args[0]); len(near) > 0 {
				hint = fmt.Sprintf("did you mean %s?", strings.Join(near, " or "))
			}
			return usagef("config has no command %q; %s", args[0], hint)
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.SuggestionsMinimumDistance = 2
	c.AddCommand(newConfigInit(g, &g.config), newConfigCheck(g, &g.config, checkStore), newConfigSchema(g))
	return c
}

// configFile is the file that a command is about: its argument, or that of -c; "" for neither.
func configFile(named string, args []string) (string, error) {
	switch {
	case len(args) == 0:
		return named, nil
	case named != "" && named != args[0]:
		return "", usagef("-c %s and %s are two files; name one", named, args[0])
	case args[0] == "":
		return "", usagef("FILE is empty; write the path of a configuration")
	}
	return args[0], nil
}

func newConfigInit(g *globals, named *string) *cobra.Command {
	var logs []string
	var data string
	var force bool
	c := &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a configuration with every default, explained",
		Long: `Init prints a configuration with every key, its default and what it means, or writes it to FILE, which only
its owner can read. It never writes over a file unless --force is given.`,
		Example: `  outmode config init
  outmode config init --logs /logs --data ./outmode-data outmode.yaml
  outmode config init --logs 'C:\inetpub\logs\LogFiles\W3SVC1' --logs 'D:\Exchange\Logging\HttpProxy' config.yaml`,
		Args: atMost(1, "give --logs before every path of logs, and patterns in quotes"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := g.format("table"); err != nil {
				return err
			}
			file, err := configFile(*named, args)
			if err != nil {
				return err
			}
			if c.Flags().Changed("data") && data == "" {
				return usagef("--data is empty; write the directory of the store, or leave it out")
			}
			return initConfig(g, file, logs, data, force)
		},
	}
	c.Flags().StringArrayVar(&logs, "logs", nil, "a folder, file or pattern of logs to put under sources; can be given several times")
	c.Flags().StringVar(&data, "data", "", "directory of the store to put under data (default "+defaultConfig().Data+")")
	c.Flags().BoolVar(&force, "force", false, "write over FILE if it is there")
	return c
}

func initConfig(g *globals, file string, logs []string, data string, force bool) error {
	c := defaultConfig()
	if data != "" {
		abs, err := filepath.Abs(data)
		if err != nil {
			return fmt.Errorf("--data %s: %w", data, err)
		}
		if !utf8.ValidString(abs) {
			return usagef("--data %q is not UTF-8 and cannot stand in a configuration", data)
		}
		c.Data = abs
	}
	for _, p := range logs {
		abs, err := filepath.Abs(p)
		switch {
		case p == "" || p == "-":
			return usagef("--logs %q is no path of logs that serve can follow", p)
		case err != nil:
			return fmt.Errorf("--logs %s: %w", p, err)
		case !utf8.ValidString(abs):
			return usagef("--logs %q is not UTF-8 and cannot stand in a configuration; name a folder above it", p)
		}
		if err := checkGlob("--logs", abs); err != nil {
			return &exit{exitUsage, err}
		}
		c.Sources = append(c.Sources, defaultSource(abs))
	}
	text := configText(&c)
	if file == "" {
		if force {
			return usagef("--force needs a FILE to write")
		}
		_, err := fmt.Fprint(g.out, text)
		return err
	}
	if err := writeConfig(file, text, force); err != nil {
		return err
	}
	if !g.quiet {
		fmt.Fprintf(g.err, "wrote %s; next: outmode config check %s\n", plain(file), quoted(file))
	}
	return nil
}

// writeConfig writes a file that only its owner reads. One that is there is replaced as a whole or
// stays as it is.
func writeConfig(file, text string, force bool) error {
	var f *os.File
	var err error
	if force {
		f, err = os.CreateTemp(filepath.Dir(file), ".outmode-config-") // has mode 0600
	} else {
		f, err = os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s is there already; --force writes over it", file)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("writing %s: there is no folder %s; make it first", file, filepath.Dir(file))
	case err != nil:
		return fmt.Errorf("writing %s: %w", file, causeOf(err))
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil && force {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("writing %s: %w", file, err)
	}
	return nil
}

func newConfigCheck(g *globals, named *string, checkStore func(dir string) error) *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE]",
		Short: "Name every mistake in a configuration, and open all that it names",
		Long: `Check names every mistake of the file at once, as file:line:column: message. Then it opens what the file
names: every source (how many files, of which kinds), the folder of the store, rules, certificate and secrets.
It changes nothing. Exit codes: 0 no mistake (there may be warnings), 1 mistakes, 2 usage.

-o json: one object: problems (file line column severity message; severity is error or warning), ok, sources (path
files kinds other unread).`,
		Example: "  outmode config check\n  outmode config check config.yaml -o json",
		Args:    atMost(1, "check one file at a time"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := g.format("table", "json"); err != nil {
				return err
			}
			file, err := configFile(*named, args)
			if err != nil {
				return err
			}
			if file == "" {
				file = defaultConfigFile()
			}
			found, err := checkConfig(c.Context(), file, time.Now(), checkStore)
			if err != nil {
				return err
			}
			return found.write(g, file)
		},
	}
}

func (c *configChecked) write(g *globals, file string) error {
	if g.output == "json" {
		if err := writeJSON(g.out, c); err != nil {
			return err
		}
	} else {
		for _, p := range c.Problems {
			fmt.Fprintln(g.out, plain(p.String()))
		}
		if len(c.Sources) > 0 {
			t := newTable(">files", "kinds", "source")
			for i := range c.Sources {
				t.add(number(c.Sources[i].Files), c.Sources[i].kinds(), c.Sources[i].Path)
			}
			t.write(g.out, g.painter())
		}
	}
	if !c.OK {
		return &exit{exitError, errors.New(c.summary(file))}
	}
	if g.output == "table" {
		fmt.Fprintf(g.out, "%s; next: outmode serve -c %s\n", plain(c.summary(file)), quoted(file))
	}
	return nil
}

func newConfigSchema(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print a JSON Schema of the configuration, for editors",
		Long: `Schema prints a JSON Schema (draft 2020-12). An editor that knows it completes keys and marks mistakes. Check
finds more.`,
		Example: "  outmode config schema > outmode.schema.json",
		Args:    atMost(0, "redirect what it prints to a file"),
		RunE: func(*cobra.Command, []string) error {
			if err := g.format("table", "json"); err != nil {
				return err
			}
			return writeJSON(g.out, configSchema())
		},
	}
}
