package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/internal/store/sqlite"
)

// metrics are what /metrics shows. Every label has few values, whatever a log says; none is the name of a person.
type metrics struct {
	registry *prometheus.Registry
	lines    *prometheus.CounterVec
	bytes    *prometheus.CounterVec
	signins  *prometheus.CounterVec
	lost     prometheus.Counter
	gaps     prometheus.Counter
	gapBytes prometheus.Counter
	commits  *prometheus.CounterVec
	seconds  prometheus.Histogram
	last     *prometheus.GaugeVec
	latest   map[signin.Kind]int64 // what last shows, in Unix milliseconds; only the goroutine that commits uses it
	behind   prometheus.Gauge
	files    *prometheus.GaugeVec
	caught   prometheus.Gauge
	looked   prometheus.Gauge
	open     *prometheus.GaugeVec
	good     prometheus.Gauge
	goodAt   prometheus.Gauge
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "outmode", Name: name, Help: help}, labels)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "outmode", Name: name, Help: help})
	}
	m := &metrics{
		latest:   map[signin.Kind]int64{},
		registry: prometheus.NewRegistry(),
		lines:    counter("source_lines_total", "Lines committed, by kind of log and by what they were found to be.", "kind", "verdict"),
		bytes:    counter("source_bytes_total", "Bytes of logs committed.", "kind"),
		signins:  counter("signins_total", "Sign-in lines committed, those included that another log tells too.", "protocol", "auth", "outcome", "evidence"),
		lost:     prometheus.NewCounter(prometheus.CounterOpts{Namespace: "outmode", Name: "rule_counts_lost_total", Help: "Counts of rules with windows beyond the number that is kept."}),
		gaps:     prometheus.NewCounter(prometheus.CounterOpts{Namespace: "outmode", Name: "source_gaps_total", Help: "Logs that went away, shrank or were replaced before they were read to their end."}),
		gapBytes: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "outmode", Name: "source_gap_bytes_total", Help: "Bytes of them that will not be read."}),
		commits:  counter("commits_total", "Transactions of the ingest.", "result"),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "outmode", Name: "commit_seconds", Help: "How long a transaction of the ingest took.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15)}),
		last:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "outmode", Name: "source_last_event_timestamp_seconds", Help: "The latest event that was committed."}, []string{"kind"}),
		behind: gauge("source_lag_bytes", "Bytes of logs on disk that are not committed."),
		files:  prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "outmode", Name: "source_files", Help: "Log files on disk, and those of them that are followed."}, []string{"state"}),
		caught: gauge("source_caught_up", "1 once all that was there at the start was read."),
		looked: gauge("source_discovery_timestamp_seconds", "When the folders of logs were last looked at."),
		open:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "outmode", Name: "findings_open", Help: "Findings that are open and that no exception covers."}, []string{"severity"}),
		good:   gauge("config_last_reload_successful", "1 if the last reload of the configuration and the rules was good."),
		goodAt: gauge("config_last_reload_success_timestamp_seconds", "When it last was."),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "outmode", Name: "build_info", Help: "1, with the version."}, []string{"version"})
	build.WithLabelValues(version()).Set(1)
	m.registry.MustRegister(m.lines, m.bytes, m.signins, m.lost, m.gaps, m.gapBytes, m.commits, m.seconds, m.last, m.behind, m.files, m.caught, m.looked, m.open, m.good, m.goodAt, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.reloaded(true)
	return m
}

func (m *metrics) reloaded(good bool) {
	if !good {
		m.good.Set(0)
		return
	}
	m.good.Set(1)
	m.goodAt.SetToCurrentTime()
}

func (m *metrics) progress(p ingest.Progress) {
	m.behind.Set(float64(p.Behind))
	m.files.WithLabelValues("known").Set(float64(p.Known))
	m.files.WithLabelValues("live").Set(float64(p.Live))
	if p.Caught {
		m.caught.Set(1)
	}
	if !p.Looked.IsZero() {
		m.looked.Set(float64(p.Looked.Unix()))
	}
}

// findings counts those that are open.
func (m *metrics) findings(ctx context.Context, store *sqlite.Store) error {
	open, err := store.CountOpen(ctx)
	if err != nil {
		return err
	}
	for i, word := range signin.Words("severity") {
		m.open.WithLabelValues(word).Set(float64(open[i]))
	}
	return nil
}

// An observedLedger is a ledger whose commits are counted.
type observedLedger struct {
	ingest.Reviewer
	m     *metrics
	lines *atomic.Int64 // that were committed are added to it
}

func (m *metrics) observe(ledger ingest.Reviewer, lines *atomic.Int64) ingest.Reviewer {
	return &observedLedger{ledger, m, lines}
}

// Known also tells what was committed before this process began.
func (o *observedLedger) Known(ctx context.Context) (*ingest.Known, error) {
	known, err := o.Reviewer.Known(ctx)
	if err != nil {
		return nil, err
	}
	for i := range known.Sources {
		o.m.event(known.Sources[i].Kind, known.Sources[i].Last)
	}
	return known, nil
}

func (o *observedLedger) Commit(ctx context.Context, c *ingest.Commit) error {
	start := time.Now()
	err := o.Reviewer.Commit(ctx, c)
	o.m.seconds.Observe(time.Since(start).Seconds())
	if err != nil {
		o.m.commits.WithLabelValues("error").Inc()
		return err
	}
	o.m.commits.WithLabelValues("ok").Inc()
	kinds := map[int64]signin.Kind{}
	for _, s := range c.Sources {
		kinds[s.ID] = s.Kind
	}
	for _, b := range c.Batches {
		o.m.count(b, kinds[b.Log])
		for _, c := range b.Counts {
			o.lines.Add(c.Lines)
		}
	}
	for i := range c.Holes {
		o.m.gaps.Inc()
		o.m.gapBytes.Add(float64(c.Holes[i].Bytes))
	}
	return nil
}

func (m *metrics) count(b *ingest.Batch, kind signin.Kind) {
	m.bytes.WithLabelValues(kind.String()).Add(float64(b.To - b.From))
	m.lost.Add(float64(b.Lost))
	for _, c := range b.Counts {
		m.lines.WithLabelValues(kind.String(), c.Verdict.String()).Add(float64(c.Lines))
	}
	for i := range b.Rows {
		r := &b.Rows[i]
		m.signins.WithLabelValues(r.Key.Protocol.String(), r.Key.Auth.String(), r.Key.Outcome.String(), r.Key.Evidence.String()).Add(float64(r.Count))
	}
	m.event(kind, b.Last)
}

// event notes the time of an event. A log that is read late tells of earlier ones: the latest stays.
func (m *metrics) event(kind signin.Kind, at int64) {
	if at > m.latest[kind] {
		m.latest[kind] = at
		m.last.WithLabelValues(kind.String()).Set(float64(at) / 1000)
	}
}
