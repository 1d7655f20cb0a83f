package main

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestPlaceOn(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]storePlace{
		"": placeLocal, "fuseblk": placeLocal, "fuse": placeUnknown, "fuse.mergerfs": placeUnknown, "fuse.fuse-overlayfs": placeUnknown, "macfuse": placeUnknown,
		"nfs": placeShare, "cifs": placeShare, "smb2": placeShare, "smbfs": placeShare, "unc": placeShare, "remote drive": placeShare, "9p": placeShare, "virtiofs": placeShare,
		"fuse.sshfs": placeShare, "fuse.glusterfs": placeShare, "fuse.s3fs": placeShare,
	} {
		if got := placeOn(kind); got != want {
			t.Errorf("%q is %d, want %d", kind, got, want)
		}
	}
}

// A store on a share is refused before anything is made there; one on a file system that is not known is not.
func TestStoreOnAShare(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	logs := filepath.Dir(write(t, filepath.Join(dir, "logs", "a.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\anna`, "agent"))))
	data := filepath.Join(dir, "share", "data")
	file := write(t, filepath.Join(dir, "outmode.yaml"), []byte("data: "+data+"\nsources:\n  - path: "+logs+"\n"))
	runOn := func(kind string, err error, make func(*globals) *cobra.Command, args ...string) error {
		var asked string
		g := &globals{streams: streams{strings.NewReader(""), io.Discard, &bytes.Buffer{}}, network: func(path string) (string, bool, error) {
			asked = path
			return kind, kind != "", err
		}}
		c := make(g)
		g.flags(c)
		c.SetArgs(args)
		c.SilenceErrors, c.SilenceUsage = true, true
		done := c.ExecuteContext(t.Context())
		if asked != dir && kind == "nfs" {
			t.Errorf("it asked about %q, want the nearest folder that there is", asked)
		}
		return done
	}
	for _, c := range []struct {
		make func(*globals) *cobra.Command
		args []string
	}{
		{newServe, []string{"--listen", "", "--data", data, logs}},
		{newServe, []string{"--listen", "", "-c", file}},
		{newScan, []string{"--data", data, logs}},
	} {
		err := runOn("nfs", nil, c.make, c.args...)
		if err == nil || !strings.Contains(err.Error(), data) || !strings.Contains(err.Error(), "(nfs)") || !strings.Contains(err.Error(), "name a folder on a disk of this machine") {
			t.Errorf("%v: %v", c.args, err)
		}
		if e := (*exit)(nil); errors.As(err, &e) {
			t.Errorf("%v: exit %d, want that of an error", c.args, e.code)
		}
		if exists(filepath.Dir(data)) {
			t.Fatalf("%v: it made the folder", c.args)
		}
	}
	if err := runOn("", errors.New("no idea"), newScan, "--data", filepath.Join(dir, "b"), logs); err != nil {
		t.Error(err)
	}
	if err := runOn("fuse.mergerfs", nil, newScan, "--data", filepath.Join(dir, "c"), logs); err != nil {
		t.Error(err)
	}
}
