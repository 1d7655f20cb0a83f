// Gen writes the samples: the logs of a small organisation, and large inputs for benchmarks.
//
//	go run ./samples/gen contoso [-v] DIR
//	go run ./samples/gen big -kind iis|httpproxy -size 1GiB [-users N] [-days D] [-seed S] [-o FILE]
//	go run ./samples/gen small -kind iis|httpproxy -size 1GiB -files 1000 DIR
//	go run ./samples/gen hostile -size 1GiB [-o FILE]
//
// Every command is deterministic: the same arguments write the same bytes, on any machine and at any time.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run carries out one command.
func run(args []string, messages io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("which command: contoso, big, small or hostile?")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(messages)
	switch args[0] {
	case "big":
		return runBig(flags, args[1:])
	case "contoso":
		return runContoso(flags, args[1:], messages)
	case "small":
		return runSmall(flags, args[1:])
	case "hostile":
		return runHostile(flags, args[1:])
	}
	return fmt.Errorf("unknown command %q: want contoso, big, small or hostile", args[0])
}

func runBig(flags *flag.FlagSet, args []string) error {
	var o bigOptions
	o.define(flags)
	output := flags.String("o", "-", "file to write; - is the standard output")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := o.complete(); err != nil {
		return err
	}
	return withOutput(*output, func(w io.Writer) error { return writeBig(w, &o) })
}

func runContoso(flags *flag.FlagSet, args []string, messages io.Writer) error {
	verbose := flags.Bool("v", false, "print what must be counted")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("contoso: want one directory to write to")
	}
	t, err := writeContoso(flags.Arg(0))
	if err != nil || !*verbose {
		return err
	}
	_, err = io.WriteString(messages, t.summary())
	return err
}

func runSmall(flags *flag.FlagSet, args []string) error {
	var o bigOptions
	o.define(flags)
	files := flags.Int("files", 1000, "files to cut the lines into")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := o.complete(); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("small: want one directory to write to")
	}
	return writeSmall(flags.Arg(0), &o, *files)
}

func runHostile(flags *flag.FlagSet, args []string) error {
	var size int64
	flags.Func("size", "bytes to write, as in 1GiB", func(s string) (err error) { size, err = parseSize(s); return err })
	seed := flags.Uint64("seed", 1, "the same seed writes the same bytes")
	output := flags.String("o", "-", "file to write; - is the standard output")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if size <= 0 {
		return fmt.Errorf("hostile: give -size")
	}
	return withOutput(*output, func(w io.Writer) error { return writeHostile(w, size, *seed) })
}
