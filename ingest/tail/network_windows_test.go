package tail

import "testing"

func TestNetworkVolume(t *testing.T) {
	t.Parallel()
	for volume, want := range map[string]string{
		`\\server\share`: "unc", `\\?\UNC\server\share`: "unc", `\\?\unc\server\share`: "unc", `C:`: "", `\\?\C:`: "",
	} {
		if got, err := volumeKind(volume); got != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", volume, got, err, want)
		}
	}
}
