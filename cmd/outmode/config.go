package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/outmode/outmode/ingest/mfa"
)

// config is what the daemon is told, with every default filled in. What its keys mean, and within
// which bounds, is said once, in [configKeys].
type config struct {
	Data         string
	Sources      []configSource
	Discover     configDiscover
	Organisation configOrganisation
	Gateways     []declaredGateway
	Mappings     []mfa.Mapping
	MFA          configMFA
	Rules        configRules
	Retention    configRetention
	Listen       string // "" for nowhere
	TLS          configTLS
	ListenAuth   configAuth
	Log          configLog
}

// A configSource is a place where logs are.
type configSource struct {
	Path    string
	Kind    string // "auto", or that of every file
	Server  string // "" where the logs say it
	Poll    string // "auto" or "always"
	Exclude []string
}

type configDiscover struct {
	Every       time.Duration
	IdleAfter   time.Duration
	SilentAfter time.Duration // 0: learned from each source's own habit
}

// configOrganisation means what the flags of scan mean that have the same names; People and Aliases are the --map and
// --alias of mfa.
type configOrganisation struct {
	Internal, Service, Exclude, Servers []string
	PublishedApps                       []string
	People, Aliases                     []string
}

type configRules struct {
	Dirs         []string
	Builtin      bool
	ResolveAfter time.Duration
}

type configRetention struct{ Hours, Days, Evidence, Findings time.Duration }

type configTLS struct{ Cert, Key string }

type configAuth struct{ Token secretRef }

type configLog struct{ Format, Level string }

const (
	aDay  = 24 * time.Hour
	aYear = 365 * aDay
)

// defaultConfig is what holds where the file says nothing.
func defaultConfig() config {
	return config{
		Data:      machineFolder("/var/lib/outmode"),
		Discover:  configDiscover{Every: 5 * time.Second, IdleAfter: 10 * time.Minute},
		Rules:     configRules{Builtin: true, ResolveAfter: 30 * aDay},
		Retention: configRetention{Hours: 35 * aDay, Days: 400 * aDay, Evidence: 90 * aDay, Findings: 2 * aYear},
		Listen:    "127.0.0.1:9464",
		Log:       configLog{Format: "text", Level: "info"},
	}
}

// defaultSource is a source of which only the path is said.
func defaultSource(path string) configSource {
	return configSource{Path: path, Kind: "auto", Poll: "auto"}
}

// machineFolder is where this program keeps what belongs to the machine: one folder on Windows, the
// given one elsewhere.
func machineFolder(unix string) string {
	if runtime.GOOS != "windows" {
		return unix
	}
	root := os.Getenv("ProgramData")
	if root == "" {
		root = `C:\ProgramData`
	}
	return filepath.Join(root, "Outmode")
}

// defaultConfigFile is the file that is read where no other is named.
func defaultConfigFile() string { return filepath.Join(machineFolder("/etc/outmode"), "config.yaml") }

// override puts what stands on the command line of serve over what the file says: the folder of the
// store, unless it is empty, and the paths of logs, unless there are none. A path that the file names
// too keeps what the file says of it.
func (c *config) override(data string, paths []string) {
	if data != "" {
		c.Data = data
	}
	if len(paths) == 0 {
		return
	}
	known := map[string]configSource{}
	for _, s := range c.Sources {
		known[filepath.Clean(s.Path)] = s
	}
	c.Sources = nil
	for _, p := range paths {
		s, ok := known[filepath.Clean(p)]
		if !ok {
			s = defaultSource(p)
		}
		c.Sources = append(c.Sources, s)
	}
}

// organisation is what the flags of scan would have been told.
func (c *config) organisation() organisation {
	o := c.Organisation
	return organisation{internal: o.Internal, service: o.Service, exclude: o.Exclude, servers: o.Servers, published: o.PublishedApps, given: func(string) bool { return false }}
}

// ruleFlags says which rules apply, as the flags of scan do.
func (c *config) ruleFlags() ruleFlags {
	return ruleFlags{dirs: c.Rules.Dirs, noBuiltin: !c.Rules.Builtin}
}

// level is the least severe message that is logged.
func (l configLog) level() slog.Level {
	var level slog.Level
	_ = level.UnmarshalText([]byte(l.Level)) // the words are those of slog: see configKeys
	return level
}

// spanUnits are the units of durations, the largest first.
func spanUnits() []struct {
	name string
	is   time.Duration
} {
	return []struct {
		name string
		is   time.Duration
	}{{"y", aYear}, {"d", aDay}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}
}

// longestSpan bounds every duration.
const longestSpan = 100 * aYear

// spanPattern is what parseSpan reads.
const spanPattern = `([0-9]{1,9}[smhdy])+`

var (
	spanText  = regexp.MustCompile(`^` + spanPattern + `$`)
	spanParts = regexp.MustCompile(`([0-9]+)([smhdy])`)
)

// parseSpan reads 30s, 5m, 12h, 35d, 2y, or several of them: 1h30m.
func parseSpan(text string) (time.Duration, bool) {
	if !spanText.MatchString(text) {
		return 0, false
	}
	var sum time.Duration
	for _, part := range spanParts.FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseInt(part[1], 10, 64)
		if err != nil {
			return 0, false
		}
		for _, u := range spanUnits() {
			if u.name != part[2] {
				continue
			}
			if n > int64(longestSpan/u.is) {
				return 0, false
			}
			sum += time.Duration(n) * u.is
		}
		if sum > longestSpan {
			return 0, false
		}
	}
	return sum, true
}

// spanWords prints a duration of whole seconds as parseSpan reads it.
func spanWords(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	for _, u := range spanUnits() {
		if d < u.is || u.is == aYear && d%aYear != 0 { // 400d says more than 1y35d
			continue
		}
		b.WriteString(strconv.FormatInt(int64(d/u.is), 10) + u.name)
		d %= u.is
	}
	return b.String()
}
