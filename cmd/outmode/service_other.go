//go:build !windows

package main

import "runtime"

// runAsService runs the program as a service of Windows, if it was started as one.
func runAsService([]string) (code int, is bool) { return 0, false }

// connectServices opens the manager of services. Here there is none that this program knows.
func connectServices() (serviceManager, error) {
	return nil, usagef("\"outmode service\" is for Windows; on %s systemd or its like runs \"outmode serve\": packaging/outmode.service is the unit, docs/install.md says how", runtime.GOOS)
}
