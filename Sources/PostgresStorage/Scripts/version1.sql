-- gKick's tables, version 1. Written for the schema `gkick`; another name is put in its place.
-- All of it runs in one transaction under an advisory lock.

CREATE TABLE gkick.about (
  version int NOT NULL,
  -- 28 random bits: part of every id that is made here.
  salt int NOT NULL,
  -- Servers prove by it to each other that they belong to the same storage.
  secret bytea NOT NULL,
  -- Of one payload that is put in by SQL: what the server said last.
  payload_limit bigint NOT NULL DEFAULT 1048576,
  -- Which functions and views the server made last: a sum of their text.
  scripts int NOT NULL DEFAULT 0,
  made_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO gkick.about (version, salt, secret)
VALUES (1, floor(random() * 268435456)::int, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));

-- Who leads. One row, written only when that changes: every write looks at it.
CREATE TABLE gkick.leader (
  epoch bigint NOT NULL,
  server_id text COLLATE "C" NOT NULL,
  -- The leader's session: once it is gone, nobody need wait for the term's end.
  pid int,
  since timestamptz NOT NULL DEFAULT now()
);
INSERT INTO gkick.leader (epoch, server_id) VALUES (0, '');
-- When the leader was heard last. Apart, since it is written every second.
CREATE TABLE gkick.renewal (epoch bigint NOT NULL, at timestamptz NOT NULL) WITH (fillfactor = 20);
INSERT INTO gkick.renewal VALUES (0, '1970-01-01 00:00:00+00');

CREATE TABLE gkick.server (
  id text COLLATE "C" PRIMARY KEY,
  address text NOT NULL,
  version text NOT NULL,
  started_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL,
  workers bigint NOT NULL
) WITH (fillfactor = 50);

-- One row per write: the fence, the counters, the events, and what changed of queues and documents. Only ever inserted, and
-- deleted when its events are old.
CREATE TABLE gkick.tick (
  epoch bigint NOT NULL,
  number bigint NOT NULL,
  at timestamptz NOT NULL,
  next_seq bigint NOT NULL,
  -- The newest cursor before this row's events.
  before_cursor bigint NOT NULL,
  last_cursor bigint NOT NULL,
  -- Bytes of all events up to here, since the beginning.
  total_bytes bigint NOT NULL,
  -- The oldest row whose `kept` is not yet in `queue` and `document`.
  kept_epoch bigint NOT NULL,
  kept_number bigint NOT NULL,
  events bytea,
  kept bytea,
  PRIMARY KEY (epoch, number)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0, toast.autovacuum_vacuum_scale_factor = 0.05,
  toast.autovacuum_vacuum_cost_delay = 0);
ALTER TABLE gkick.tick ALTER events SET STORAGE EXTERNAL, ALTER kept SET STORAGE EXTERNAL;
CREATE INDEX tick_cursor ON gkick.tick (last_cursor) WHERE events IS NOT NULL;

-- A job, as it was asked for and where it stands. What a running one has beside it stands in `running`: a start and an end so cost one
-- small row and one update, and the columns here that are indexed change once in most lives.
CREATE TABLE gkick.job (
  seq bigint PRIMARY KEY,
  created_at timestamptz NOT NULL,
  run_at timestamptz NOT NULL,
  -- When it was to run at first, if that is not run_at.
  first_run_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  expires_at timestamptz,
  -- Its unique key is held until then, even past its end.
  hold_until timestamptz,
  attempt bigint NOT NULL DEFAULT 0,
  lost bigint NOT NULL DEFAULT 0,
  payload_size bigint NOT NULL,
  body_sum int NOT NULL,
  -- 3 (running) only of a job that was started in the tick that made it, see version2.sql. Of others that run this and the times are as they were before:
  -- that they run is told by `running`.
  state smallint NOT NULL,
  priority smallint NOT NULL,
  -- 1: the producer chose the id; 2: was started; 4: waits for no dependency any more; 8: a cancel was asked for.
  flags smallint NOT NULL DEFAULT 0,
  id text COLLATE "C" NOT NULL,
  queue text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  worker_id text COLLATE "C",
  batch_id text COLLATE "C",
  concurrency_key text COLLATE "C",
  fairness_key text COLLATE "C",
  recurring_id text COLLATE "C",
  -- All that was asked for beyond the columns; NULL: every default.
  options bytea,
  -- Payload, content type and metadata: fields 5, 6 and 7 of the message gkick.v1.Assignment.
  body bytea NOT NULL,
  result bytea,
  -- Failures, progress, the reason of a cancel.
  carried bytea
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.1, toast.autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_cost_delay = 0);
ALTER TABLE gkick.job ALTER body SET STORAGE EXTERNAL, ALTER result SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX job_id ON gkick.job (id);
CREATE INDEX job_queue ON gkick.job (queue, state, seq);
CREATE INDEX job_name ON gkick.job (name, seq);
CREATE INDEX job_state ON gkick.job (state, seq);
CREATE INDEX job_expires ON gkick.job (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX job_chosen ON gkick.job (seq) WHERE flags & 1 = 1;
CREATE INDEX job_hold ON gkick.job (hold_until) WHERE hold_until IS NOT NULL;
CREATE INDEX job_batch ON gkick.job (batch_id, seq) WHERE batch_id IS NOT NULL;
CREATE INDEX job_concurrency ON gkick.job (concurrency_key, seq) WHERE concurrency_key IS NOT NULL;
CREATE INDEX job_fairness ON gkick.job (fairness_key, seq) WHERE fairness_key IS NOT NULL;
CREATE INDEX job_recurring ON gkick.job (recurring_id, seq) WHERE recurring_id IS NOT NULL;

CREATE TABLE gkick.running (
  seq bigint PRIMARY KEY,
  token bigint NOT NULL,
  run_at timestamptz NOT NULL,
  started_at timestamptz,
  deadline timestamptz,
  -- Microseconds.
  resume_window bigint NOT NULL,
  attempt bigint NOT NULL,
  lost bigint NOT NULL,
  flags smallint NOT NULL,
  worker_id text COLLATE "C" NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_cost_delay = 0);

-- Brought up to date every few seconds: until then `tick` has what is new.
CREATE TABLE gkick.queue (
  name text COLLATE "C" PRIMARY KEY,
  paused boolean NOT NULL,
  succeeded bigint NOT NULL,
  failed bigint NOT NULL,
  ended bigint NOT NULL,
  dead bigint NOT NULL,
  last_used_at timestamptz NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE gkick.document (
  kind smallint NOT NULL,
  key text COLLATE "C" NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (kind, key)
) WITH (fillfactor = 50);

-- What producers put in by SQL, until the leader takes it. Nothing in it is ever updated.
CREATE TABLE gkick.inbox (
  -- The transaction that put it in, known before the number is.
  xid xid8 NOT NULL,
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL,
  id text COLLATE "C" NOT NULL,
  queue text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  priority int NOT NULL,
  run_at timestamptz,
  -- Spans are microseconds.
  delay bigint,
  payload bytea NOT NULL,
  content_type text NOT NULL,
  metadata jsonb,
  start_before timestamptz,
  timeout bigint,
  retention bigint,
  max_attempts int,
  initial_backoff bigint,
  max_backoff bigint,
  multiplier double precision,
  jitter double precision,
  max_lost int,
  unique_key text,
  unique_hold bigint,
  on_conflict text,
  concurrency_key text,
  fairness_key text,
  batch_id text,
  depends_on text[],
  on_dependency_failure text
) WITH (autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE gkick.inbox ALTER payload SET STORAGE EXTERNAL;
CREATE INDEX inbox_xid ON gkick.inbox (xid);
CREATE TABLE gkick.refused (
  id text COLLATE "C" NOT NULL,
  queue text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  reason text NOT NULL,
  existing_id text COLLATE "C",
  at timestamptz NOT NULL
);
CREATE INDEX refused_at ON gkick.refused (at);

-- Begins a write: nobody else leads, and the write before is the one that this one follows.
CREATE FUNCTION gkick.begin_tick(
  _epoch bigint, _number bigint, _at timestamptz, _next_seq bigint, _before_cursor bigint, _last_cursor bigint,
  _total_bytes bigint, _kept_epoch bigint, _kept_number bigint, _events bytea, _kept bytea, _relaxed boolean
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  last bigint;
BEGIN
  IF _relaxed THEN PERFORM set_config('synchronous_commit', 'off', true); END IF;
  -- Whoever begins an epoch waits for this transaction, or this one sees the new epoch.
  PERFORM 1 FROM gkick.leader WHERE epoch = _epoch FOR SHARE;
  IF NOT FOUND THEN RAISE EXCEPTION 'another server leads' USING ERRCODE = 'GK001'; END IF;
  SELECT number INTO last FROM gkick.tick WHERE epoch = _epoch ORDER BY number DESC LIMIT 1;
  IF coalesce(last, 0) <> _number - 1 THEN
    RAISE EXCEPTION 'write % does not follow write %', _number, coalesce(last, 0) USING ERRCODE = 'GK001';
  END IF;
  INSERT INTO gkick.tick VALUES (_epoch, _number, _at, _next_seq, _before_cursor, _last_cursor, _total_bytes, _kept_epoch,
    _kept_number, _events, _kept);
END $$;
