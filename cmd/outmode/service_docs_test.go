package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// blocks returns the fenced blocks of a page in one language.
func blocks(t *testing.T, page, language string) (found []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	fence := regexp.MustCompile("(?s)\n```" + language + "\n(.*?)\n```\n")
	for _, m := range fence.FindAllStringSubmatch(strings.ReplaceAll(string(text), "\r\n", "\n"), -1) {
		found = append(found, m[1])
	}
	return found
}

// What the pages show in blocks of sh can be copied: it is run here, line by line, in a folder that has the samples.
func TestDocumentedShellBlocksRun(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("they are written for a shell")
	}
	for _, page := range []string{"install.md", "store.md", "users.md"} {
		t.Run(page, func(t *testing.T) {
			commands := strings.Split(strings.Join(blocks(t, page, "sh"), "\n"), "\n")
			if len(commands) < 2 {
				t.Fatal("is the page still read?")
			}
			samples, err := filepath.Abs(filepath.Join(root, "samples"))
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir())
			link(t, samples, "samples")
			for _, command := range commands {
				words := strings.Fields(command)
				if words[0] != "outmode" {
					if out, err := exec.CommandContext(t.Context(), words[0], words[1:]...).CombinedOutput(); err != nil {
						t.Errorf("%s: %v\n%s", command, err, out)
					}
					continue
				}
				if code, out, errs := outmode(t, "", words[1:]...); code != exitDone || out+errs == "" {
					t.Errorf("%s: exit %d\n%s%s", command, code, out, errs)
				}
			}
		})
	}
}

// Every configuration that a page shows is one.
func TestDocumentedConfigurations(t *testing.T) {
	t.Parallel()
	var all []string
	for _, page := range []string{"install.md", "store.md", "mfa.md", "configuration.md"} {
		all = append(all, blocks(t, page, "yaml")...)
	}
	if len(all) < 4 {
		t.Fatalf("are the pages still read? %q", all)
	}
	for _, text := range all {
		if strings.HasPrefix(text, "- ") { // a list of gateways
			continue
		}
		if _, problems := readConfig(write(t, filepath.Join(t.TempDir(), "config.yaml"), []byte(text))); len(problems) > 0 {
			t.Errorf("%v in\n%s", problems, text)
		}
	}
}

// The page of the store names every retention key with its default.
func TestDocumentedRetention(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs", "store.md"))
	if err != nil {
		t.Fatal(err)
	}
	c := defaultConfig()
	for _, section := range configKeys() {
		if section.name != "retention" {
			continue
		}
		for _, k := range section.in {
			if !strings.Contains(string(text), "`retention."+k.name+"`, ") {
				t.Errorf("retention.%s is missing", k.name)
			}
		}
	}
	if r := c.Retention; r != (configRetention{Hours: 35 * aDay, Days: 400 * aDay, Evidence: 90 * aDay, Findings: 2 * aYear}) {
		t.Errorf("the page says 35 days, 400 days, 90 days and 2 years; the defaults are %+v", r)
	}
}

// The unit starts a command that there is, and keeps what it takes away from the service.
func TestUnit(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "packaging", "outmode.service"))
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{}
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\r\n", "\n")) {
		has[strings.TrimSuffix(line, "\n")] = true
	}
	for _, want := range []string{
		"Type=notify", "ExecReload=/bin/kill -HUP $MAINPID", "Restart=on-failure", "RestartPreventExitStatus=2", "TimeoutStopSec=15", "User=outmode",
		"StateDirectory=outmode", "StateDirectoryMode=0700", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "NoNewPrivileges=yes", "CapabilityBoundingSet=",
		"SystemCallFilter=@system-service", "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6", "IPAddressDeny=any", "MemoryMax=1G", "LimitNOFILE=65536",
	} {
		if !has[want] {
			t.Errorf("the unit has no line %s", want)
		}
	}
	start := regexp.MustCompile(`(?m)^ExecStart=/usr/bin/outmode (.*)$`).FindStringSubmatch(string(text))
	if start == nil {
		t.Fatal("the unit does not start /usr/bin/outmode")
	}
	words := strings.Fields(start[1])
	g := &globals{}
	serve := newServe(g)
	g.flags(serve)
	if err := serve.ParseFlags(words[1:]); err != nil || words[0] != serve.Name() || serve.Flags().NArg() > 0 {
		t.Errorf("%s: %v", start[0], err)
	}
	if runtime.GOOS == "linux" && g.config != defaultConfigFile() {
		t.Errorf("the unit reads %s, and other commands %s", g.config, defaultConfigFile())
	}
}
