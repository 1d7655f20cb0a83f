package sqlite_test

import (
	"database/sql"
	"errors"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/internal/store/sqlite"
)

// Events of a gateway are committed with the checkpoint of their log, or not at all.
func TestEventsAreCommittedWithTheirCheckpoint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := sqlite.Open(t.Context(), dir, sqlite.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	event := signin.MFAEvent{Kind: signin.Duo, Time: 1_791_000_000_000, User: "anna", Application: "owa", Address: netip.MustParseAddr("198.51.100.7"), Factor: "push",
		Outcome: signin.FactorDenied, Gateway: "duo1", Transaction: "t-1", At: signin.Ref{Offset: 0, Length: 99, Line: 1}}
	src := &ingest.Source{ID: 1, Path: "duo.json", State: ingest.Read, Kind: signin.Duo, Plain: true, Size: 100, Offset: 100}
	c := &ingest.Commit{Sources: []*ingest.Source{src}, Batches: []*ingest.Batch{{Log: 1, From: 0, To: 100, Events: []signin.MFAEvent{event}}}}
	if err := s.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), c); !errors.Is(err, ingest.ErrStale) {
		t.Errorf("the same batch again: %v", err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "outmode.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var n int
	var outcome signin.FactorOutcome
	var user, address string
	if err := db.QueryRowContext(t.Context(), `SELECT count(*), max("user"), max(outcome), coalesce(max(hex(a.ip)), '') FROM mfa_event e LEFT JOIN address a ON a.id = e.address`).Scan(&n, &user, &outcome, &address); err != nil {
		t.Fatal(err)
	}
	if n != 1 || user != "anna" || outcome != signin.FactorDenied || address != "C6336407" {
		t.Errorf("%d events, %s %s from %s", n, user, outcome, address)
	}
}
