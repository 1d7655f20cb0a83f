package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/outmode/outmode/ingest/tail"
)

// A storePlace is what a file system offers to a store.
type storePlace int

const (
	placeLocal   storePlace = iota
	placeUnknown            // one of FUSE, which may be a disk or a share
	placeShare              // SQLite's shared memory and locks do not reach beyond one machine
)

// placeOn says what a file system offers, by the name that tail.Network gives it: none for those of this machine.
func placeOn(kind string) storePlace {
	switch name, fuse := strings.CutPrefix(kind, "fuse."); {
	case kind == "", kind == "fuseblk": // which stands on a block device: NTFS, exFAT
		return placeLocal
	case fuse && slices.Contains(fuseShares(), name):
		return placeShare
	case strings.Contains(kind, "fuse"):
		return placeUnknown
	}
	return placeShare
}

// fuseShares are the file systems of FUSE whose files are on other machines. Others (mergerfs, gocryptfs, the root of a
// container) are made from disks of this one.
func fuseShares() []string {
	return []string{
		"sshfs", "smbnetfs", "gvfsd-fuse", "curlftpfs", "davfs", "davfs2", "fuse-nfs", "rclone", "grpcfuse",
		"glusterfs", "ceph", "ceph-fuse", "mfs", "moosefs", "lizardfs", "saunafs", "juicefs", "seaweedfs", "hdfs", "fuse_dfs",
		"s3fs", "s3ql", "goofys", "geesefs", "mountpoint-s3", "gcsfuse", "blobfuse", "blobfuse2",
	}
}

// storeOn refuses a directory for a store that is to be filled. What cannot be found out about it is left to the
// opening of the store, which tells better what is wrong.
func (g *globals) storeOn(dir string) error {
	network := tail.Network
	if g.network != nil {
		network = g.network
	}
	there, _, err := existing(dir)
	if err != nil {
		return nil
	}
	kind, _, err := network(there)
	if err != nil || placeOn(kind) != placeShare {
		return nil
	}
	return fmt.Errorf("the store cannot be in %s: that is on a network file system (%s), where its locks and shared memory do not hold, and it would break; name a folder on a disk of this machine, by --data or as data in the configuration", dir, kind)
}
