package tail_test

import (
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest/tail"
)

func TestNetworkMagic(t *testing.T) {
	t.Parallel()
	for magic, want := range map[uint32]string{
		0x6969: "nfs", 0x517b: "smb", 0xff534d42: "cifs", 0xfe534d42: "smb2", 0x65735546: "fuse", 0x01021997: "9p",
		0x5346414f: "afs", 0x6b414653: "afs", 0x00c36400: "ceph",
		0xef53: "", 0x58465342: "", 0x9123683e: "", 0x01021994: "", 0x794c7630: "", // ext4, xfs, btrfs, tmpfs, overlay
		0x2fc12fc1: "", 0xf2f52010: "", // zfs, f2fs
	} {
		if got := tail.NetworkMagic(magic); got != want {
			t.Errorf("%#x is %q, want %q", magic, got, want)
		}
	}
	if kind, network, err := tail.Network("/proc"); kind != "" || network || err != nil {
		t.Errorf("/proc: %q, %v, %v", kind, network, err)
	}
}

// What FUSE hides behind one number, the list of mounts tells.
func TestMountedAs(t *testing.T) {
	t.Parallel()
	const mounts = `22 28 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw
311 28 0:61 / /srv/a\040b rw,relatime shared:170 - fuse.sshfs logs@ex01:/a\040-\040b rw,user_id=0
312 28 8:17 / /srv/disk rw,relatime - fuseblk /dev/sdb1 rw,blksize=4096
`
	for minor, want := range map[uint32]string{61: "fuse.sshfs", 62: "fuse"} {
		if got := tail.MountedAs(strings.NewReader(mounts), 0, minor); got != want {
			t.Errorf("0:%d is %q, want %q", minor, got, want)
		}
	}
	if got := tail.MountedAs(strings.NewReader(mounts), 8, 17); got != "fuseblk" {
		t.Errorf("8:17 is %q", got)
	}
}
