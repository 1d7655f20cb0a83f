-- Times are Unix milliseconds, days and hours count from 1970 in UTC. Words of the design are their numbers in
-- package signin, which only ever grow at the end.

CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- Names that repeat.
CREATE TABLE server  (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE client  (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE reason  (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE header  (id INTEGER PRIMARY KEY, text BLOB NOT NULL UNIQUE) STRICT;
-- seen: the last day on which an address was told of, so that it goes with the last hour row or event that has it: to look
-- for those would be to read all hours.
CREATE TABLE address (id INTEGER PRIMARY KEY, ip BLOB NOT NULL UNIQUE, seen INTEGER NOT NULL) STRICT;
CREATE INDEX address_seen ON address (seen);
CREATE TABLE verdict (id INTEGER PRIMARY KEY, words TEXT NOT NULL UNIQUE) STRICT; -- JSON: rules that fire, and that are broken
CREATE TABLE account (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, form INTEGER NOT NULL, traffic INTEGER NOT NULL, privileged INTEGER NOT NULL,
  name TEXT NOT NULL, domain TEXT NOT NULL, why TEXT NOT NULL) STRICT;

-- The ledger: which logs there are, how far they were committed, and what the committed ranges hash to.
CREATE TABLE source (
  id INTEGER PRIMARY KEY, path TEXT NOT NULL, file_id TEXT NOT NULL, head BLOB NOT NULL, head_size INTEGER NOT NULL, name TEXT NOT NULL,
  kind INTEGER NOT NULL, state TEXT NOT NULL, why TEXT NOT NULL, server TEXT NOT NULL, owner TEXT NOT NULL, encoding INTEGER NOT NULL,
  plain INTEGER NOT NULL, size INTEGER NOT NULL, modified INTEGER NOT NULL, done INTEGER NOT NULL, "offset" INTEGER NOT NULL,
  lines INTEGER NOT NULL, header INTEGER NOT NULL, sessions BLOB, chain BLOB NOT NULL, unfinished TEXT NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL) STRICT;
CREATE TABLE ledger (
  source INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL, digest BLOB NOT NULL, chain BLOB NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, lines INTEGER NOT NULL, PRIMARY KEY (source, start)) STRICT, WITHOUT ROWID;
CREATE TABLE head (source INTEGER NOT NULL, at INTEGER NOT NULL, header INTEGER NOT NULL, PRIMARY KEY (source, at)) STRICT, WITHOUT ROWID;
CREATE TABLE hole (
  id INTEGER PRIMARY KEY, source INTEGER NOT NULL, at INTEGER NOT NULL, bytes INTEGER NOT NULL, "from" INTEGER NOT NULL, "to" INTEGER NOT NULL,
  reason TEXT NOT NULL) STRICT;
CREATE INDEX hole_source ON hole (source, at);
CREATE TABLE line_count (
  source INTEGER NOT NULL, day INTEGER NOT NULL, verdict INTEGER NOT NULL, reason INTEGER NOT NULL, lines INTEGER NOT NULL,
  PRIMARY KEY (source, day, verdict, reason)) STRICT, WITHOUT ROWID;
CREATE TABLE server_address (ip BLOB PRIMARY KEY, name TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE request_id (server INTEGER NOT NULL, hash INTEGER NOT NULL, PRIMARY KEY (server, hash)) STRICT, WITHOUT ROWID;

-- Usage at three grains. A row of usage is a key and its sums over all time. weak: it counts only in the hours that
-- table weak says; its sums hold those hours alone.
CREATE TABLE usage (
  id INTEGER PRIMARY KEY, server INTEGER NOT NULL, kind INTEGER NOT NULL, account INTEGER NOT NULL, protocol INTEGER NOT NULL,
  auth INTEGER NOT NULL, mechanism INTEGER NOT NULL, outcome INTEGER NOT NULL, evidence INTEGER NOT NULL, traffic INTEGER NOT NULL,
  client INTEGER NOT NULL, modern INTEGER NOT NULL, internal INTEGER NOT NULL, backend INTEGER NOT NULL, weak INTEGER NOT NULL,
  verdict INTEGER NOT NULL, count INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  aged_count INTEGER NOT NULL, aged_first INTEGER NOT NULL, aged_last INTEGER NOT NULL, -- of days that were dropped
  source INTEGER NOT NULL, at INTEGER NOT NULL, length INTEGER NOT NULL, line INTEGER NOT NULL) STRICT;
CREATE INDEX usage_account ON usage (account);
CREATE INDEX usage_weak ON usage (server, kind, protocol) WHERE weak = 1;
CREATE TABLE day (
  day INTEGER NOT NULL, usage INTEGER NOT NULL, count INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, hours INTEGER NOT NULL,
  PRIMARY KEY (day, usage)) STRICT, WITHOUT ROWID;
CREATE INDEX day_usage ON day (usage);
CREATE TABLE hour (
  hour INTEGER NOT NULL, usage INTEGER NOT NULL, address INTEGER NOT NULL, count INTEGER NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, -- milliseconds within the hour
  minutes INTEGER NOT NULL, source INTEGER NOT NULL, at INTEGER NOT NULL, length INTEGER NOT NULL, line INTEGER NOT NULL, -- its first line
  PRIMARY KEY (hour, usage, address)) STRICT, WITHOUT ROWID;

-- What was heard of which server's log, and the hours with weak rows: 0 they wait, 1 they count, 2 they were told twice.
CREATE TABLE heard (
  server INTEGER NOT NULL, kind INTEGER NOT NULL, protocol INTEGER NOT NULL, hour INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY (server, kind, protocol, hour)) STRICT, WITHOUT ROWID;
CREATE TABLE weak (
  server INTEGER NOT NULL, kind INTEGER NOT NULL, protocol INTEGER NOT NULL, hour INTEGER NOT NULL, state INTEGER NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (server, kind, protocol, hour)) STRICT, WITHOUT ROWID;

CREATE INDEX weak_waiting ON weak (hour) WHERE state = 0;
-- The first line of each waiting row on which a rule fires: what its finding cites if the hour counts.
CREATE TABLE weak_line (
  usage INTEGER NOT NULL, hour INTEGER NOT NULL, source INTEGER NOT NULL, at INTEGER NOT NULL, length INTEGER NOT NULL, line INTEGER NOT NULL,
  PRIMARY KEY (usage, hour)) STRICT, WITHOUT ROWID;

-- Counts of rules with windows, per group and minute. wait_*: as of weak rows, kind 0 for none; of sign-ins to the cloud the server is -1.
CREATE TABLE rule (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE rule_group (id INTEGER PRIMARY KEY, rule INTEGER NOT NULL, text TEXT NOT NULL, visible TEXT NOT NULL, UNIQUE (rule, text)) STRICT;
CREATE INDEX rule_group_visible ON rule_group (rule, visible);
-- Groups whose first steps were seen often enough for later steps to matter. collected: those of the past are in minute.
CREATE TABLE watch (rule INTEGER NOT NULL, visible TEXT NOT NULL, collected INTEGER NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, -- minutes of the first steps that were known by then
  PRIMARY KEY (rule, visible)) STRICT, WITHOUT ROWID;
CREATE TABLE minute (
  "group" INTEGER NOT NULL, step INTEGER NOT NULL, minute INTEGER NOT NULL, wait_server INTEGER NOT NULL, wait_kind INTEGER NOT NULL, wait_protocol INTEGER NOT NULL,
  count INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, seen BLOB, source INTEGER NOT NULL, at INTEGER NOT NULL,
  length INTEGER NOT NULL, line INTEGER NOT NULL, PRIMARY KEY ("group", step, minute, wait_server, wait_kind, wait_protocol)) STRICT, WITHOUT ROWID;
CREATE INDEX minute_waits ON minute (wait_server, wait_kind, wait_protocol, minute) WHERE wait_kind > 0;
CREATE INDEX minute_age ON minute (minute);

CREATE TABLE finding (
  id TEXT PRIMARY KEY, rule TEXT NOT NULL, name TEXT NOT NULL, severity INTEGER NOT NULL, tags TEXT NOT NULL, subject TEXT NOT NULL, protocol TEXT NOT NULL,
  state TEXT NOT NULL, counted TEXT NOT NULL, -- how: 'usage' by the rows in finding_usage, 'window' by count here
  count INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  aged_count INTEGER NOT NULL, aged_first INTEGER NOT NULL, -- of minutes that were dropped
  rule_id INTEGER NOT NULL, visible TEXT NOT NULL, -- whose minutes decide it
  fields TEXT NOT NULL, -- the rule's group_by, joined by tabs like the values of visible
  opened INTEGER NOT NULL, changed INTEGER NOT NULL, actor TEXT NOT NULL, note TEXT NOT NULL, exception TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX finding_group ON finding (rule_id, visible) WHERE rule_id > 0;
CREATE INDEX finding_unopened ON finding (id) WHERE opened = 0 AND state = 'open';
CREATE INDEX finding_resolved ON finding (changed) WHERE state = 'resolved';
CREATE TABLE finding_usage (finding TEXT NOT NULL, usage INTEGER NOT NULL, PRIMARY KEY (finding, usage)) STRICT, WITHOUT ROWID;
CREATE INDEX finding_usage_usage ON finding_usage (usage);
CREATE TABLE evidence (
  finding TEXT NOT NULL, source INTEGER NOT NULL, at INTEGER NOT NULL, path TEXT NOT NULL, length INTEGER NOT NULL, line INTEGER NOT NULL,
  step INTEGER NOT NULL, sha256 BLOB, document TEXT, stored INTEGER NOT NULL, PRIMARY KEY (finding, source, at)) STRICT, WITHOUT ROWID;
CREATE INDEX evidence_uncited ON evidence (source, at) WHERE sha256 IS NULL;
CREATE INDEX evidence_source ON evidence (source);
CREATE INDEX evidence_age ON evidence (stored) WHERE document IS NOT NULL;
CREATE TABLE history (
  id INTEGER PRIMARY KEY, finding TEXT NOT NULL, at INTEGER NOT NULL, state TEXT NOT NULL, actor TEXT NOT NULL, note TEXT NOT NULL) STRICT;
CREATE INDEX history_finding ON history (finding);
CREATE TABLE exception (
  id TEXT PRIMARY KEY, users TEXT NOT NULL, group_file TEXT NOT NULL, addresses TEXT NOT NULL, clients TEXT NOT NULL, protocols TEXT NOT NULL, rules TEXT NOT NULL,
  reason TEXT NOT NULL, owner TEXT NOT NULL, ticket TEXT NOT NULL, approver TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL,
  removed INTEGER NOT NULL, removed_by TEXT NOT NULL, removed_note TEXT NOT NULL) STRICT, WITHOUT ROWID; -- removed: 0, or when

-- What somebody must be told, in order; whoever sends it deletes it.
CREATE TABLE outbox (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, finding TEXT NOT NULL, event TEXT NOT NULL) STRICT;

-- Events of gateways, by time, as they are asked for.
CREATE TABLE mfa_event (
  time INTEGER NOT NULL, source INTEGER NOT NULL, at INTEGER NOT NULL, length INTEGER NOT NULL, line INTEGER NOT NULL,
  kind INTEGER NOT NULL, "user" TEXT NOT NULL, application TEXT NOT NULL, address INTEGER NOT NULL, factor TEXT NOT NULL, outcome INTEGER NOT NULL,
  reason TEXT NOT NULL, gateway TEXT NOT NULL, "transaction" TEXT NOT NULL, signin INTEGER NOT NULL, session TEXT NOT NULL, platform INTEGER NOT NULL,
  federation TEXT NOT NULL, policy INTEGER NOT NULL, PRIMARY KEY (time, source, at)) STRICT, WITHOUT ROWID;
-- Which sessions were used on several platforms is asked of all of them.
CREATE INDEX mfa_event_session ON mfa_event (session, platform) WHERE session <> '';
-- By its id a request at AD FS and the sign-ins that it proved are found side by side.
CREATE INDEX mfa_event_federation ON mfa_event (federation, kind) WHERE federation <> '';
-- Stretches of gateways' logs that could not be understood: what they told is not known.
CREATE TABLE garbled (source INTEGER NOT NULL, at INTEGER NOT NULL, "end" INTEGER NOT NULL, PRIMARY KEY (source, at)) STRICT, WITHOUT ROWID;
-- Two names that a line proved to be one person's, and the last day on which one did.
CREATE TABLE pair (one TEXT NOT NULL, other TEXT NOT NULL, day INTEGER NOT NULL, PRIMARY KEY (one, other)) STRICT, WITHOUT ROWID;
CREATE INDEX pair_day ON pair (day);
-- Sign-ins to the cloud that count, one by one, so that each can be taken out when a better log tells of it: those of one
-- kind of log for each id that they share. Hours and days of their usage rows are sums of these. shared: the id, or behind a
-- colon one by which no other log names it, or none; record: the record's own, 'source:at' where it has none either; weight:
-- of two with the same names the heavier counts; ticks: JSON, what it counts for rules with windows.
CREATE TABLE cloud_signin (
  id INTEGER PRIMARY KEY, shared TEXT NOT NULL, kind INTEGER NOT NULL, record TEXT NOT NULL, weight INTEGER NOT NULL, usage INTEGER NOT NULL,
  address INTEGER NOT NULL, time INTEGER NOT NULL, source INTEGER NOT NULL, at INTEGER NOT NULL, length INTEGER NOT NULL, line INTEGER NOT NULL,
  ticks TEXT, UNIQUE (shared, kind, record)) STRICT;
CREATE INDEX cloud_signin_time ON cloud_signin (time);
CREATE INDEX cloud_signin_usage ON cloud_signin (usage, time);
