package ingest

import (
	"log/slog"
	"path/filepath"

	"github.com/fsnotify/fsnotify"

	"github.com/outmode/outmode/ingest/tail"
)

// hints wake a pipeline when something changes in a folder of logs. They are never the truth: events are lost, and
// network file systems send none. The folders are looked at all the same.
type hints struct {
	w       *fsnotify.Watcher // nil where the system has none to give
	wake    chan struct{}
	folders map[string]bool
	ended   chan struct{}
}

// maxHints bounds how many folders are watched.
const maxHints = 1024

func newHints(log *slog.Logger) *hints {
	h := &hints{wake: make(chan struct{}, 1), folders: map[string]bool{}, ended: make(chan struct{})}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		log.Info("no events from the file system; folders are looked at regularly", "err", err)
		close(h.ended)
		return h
	}
	h.w = w
	go h.run()
	return h
}

func (h *hints) run() {
	defer close(h.ended)
	for {
		select {
		case e, ok := <-h.w.Events:
			if !ok {
				return
			}
			if !e.Has(fsnotify.Create) && !e.Has(fsnotify.Rename) && !e.Has(fsnotify.Remove) {
				continue // a log that grows is followed, or looked at
			}
		case _, ok := <-h.w.Errors: // such as too many events: then look
			if !ok {
				return
			}
		}
		select {
		case h.wake <- struct{}{}:
		default:
		}
	}
}

// watch makes the folders of files those that are watched.
func (h *hints) watch(inputs []tail.Input) {
	if h.w == nil {
		return
	}
	had := h.folders
	h.folders = make(map[string]bool, len(had))
	for i := range inputs {
		dir := filepath.Dir(inputs[i].Disk)
		if inputs[i].Disk == "" || h.folders[dir] || len(h.folders) >= maxHints {
			continue
		}
		h.folders[dir] = true
		_ = h.w.Add(dir) // also one that was, for another may have got its name; one without events is looked at, like all
	}
	for dir := range had {
		if !h.folders[dir] {
			_ = h.w.Remove(dir)
		}
	}
}

func (h *hints) woken() <-chan struct{} { return h.wake }

func (h *hints) close() {
	if h.w != nil {
		h.w.Close()
	}
	<-h.ended
}
