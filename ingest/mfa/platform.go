package mfa

import (
	"bytes"

	"github.com/outmode/outmode/internal/signin"
)

// A naming is what tells a platform: a part of an agent, or the beginning of the name of a system.
type naming struct {
	platform       signin.Platform
	agent, systems []string
}

func namings() []naming {
	return []naming{
		{signin.Windows, []string{"windows"}, []string{"windows"}},
		{signin.Apple, []string{"iphone", "ipad", "outlook-ios", "mac os x", "macos", "macintosh", "macoutlook", "darwin/", "cfnetwork"}, []string{"ios", "ipados", "mac"}},
		{signin.Linux, []string{"linux", "android", "x11;"}, []string{"linux", "android", "ubuntu", "chrome os", "chromeos"}},
	}
}

// scripts are agents of programs that run anywhere.
func scripts() []string {
	return []string{"python", "exchangelib", "java/", "apache-httpclient", "php", "go-http-client", "curl/", "wget/", "libwww-perl", "ruby", "node", "axios", "powershell/"}
}

// platforms tells on what somebody signed in.
type platforms struct {
	namings []naming
	scripts []string
}

func newPlatforms() platforms { return platforms{namings(), scripts()} }

// of looks at the agent, in lower case, and at the system that the record names beside it. Where they contradict each other, or the agent
// itself, it does not know.
func (p *platforms) of(agent, system []byte) signin.Platform {
	for _, name := range p.scripts {
		if bytes.HasPrefix(agent, []byte(name)) {
			return signin.Script
		}
	}
	found := signin.NoPlatform
	for i := range p.namings {
		n := &p.namings[i]
		if !n.in(agent, system) {
			continue
		}
		if found != signin.NoPlatform {
			return signin.NoPlatform
		}
		found = n.platform
	}
	return found
}

func (n *naming) in(agent, system []byte) bool {
	for _, name := range n.agent {
		if bytes.Contains(agent, []byte(name)) {
			return true
		}
	}
	for _, name := range n.systems {
		if hasPrefixFold(system, name) {
			return true
		}
	}
	return false
}
