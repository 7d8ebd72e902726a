-- Enqueue in SQL: functions that producers call in transactions of their own. Made anew by every version of the server.

-- An id as the server makes them: UUIDv7, here with random bits. One expression, which callers take in as their own.
CREATE OR REPLACE FUNCTION gkick.make_id() RETURNS text LANGUAGE sql VOLATILE AS $$
  SELECT overlay(gen_random_uuid()::text PLACING overlay(
    lpad(to_hex(floor(date_part('epoch', clock_timestamp()) * 1000)::bigint), 12, '0') PLACING '-' FROM 9 FOR 0) || '-7' FROM 1 FOR 15)
$$;

-- Says which field is wrong, as the server does on the wire.
CREATE OR REPLACE FUNCTION gkick.refuse(field text, reason text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%: %', field, reason USING ERRCODE = '22023', COLUMN = field;
END $$;

-- Microseconds of a span of at most a century; NULL stays NULL.
CREATE OR REPLACE FUNCTION gkick.span(field text, span interval) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF span IS NULL THEN RETURN NULL; END IF;
  IF span < interval '0' THEN PERFORM gkick.refuse(field, 'must not be negative'); END IF;
  IF span > interval '36600 days' THEN PERFORM gkick.refuse(field, 'at most a century'); END IF;
  RETURN round(extract(epoch FROM span) * 1000000)::bigint;
END $$;

CREATE OR REPLACE FUNCTION gkick.put(
  _name text, _payload bytea, _content_type text, _id text, _queue text, _priority int, _metadata jsonb, _run_at timestamptz,
  _delay interval, _start_before timestamptz, _timeout interval, _retention interval, _max_attempts int,
  _initial_backoff interval, _max_backoff interval, _multiplier double precision, _jitter double precision, _max_lost int,
  _unique_key text, _unique_hold interval, _on_conflict text, _concurrency_key text, _fairness_key text, _batch_id text,
  _depends_on text[], _on_dependency_failure text
) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  given text := _id;
  -- One expression for all: each statement of a function costs about as much as ten comparisons. A pattern that counts to 128 costs 15 us each time.
  fault text := CASE
    WHEN _name IS NULL OR _name = '' THEN 'name: required'
    WHEN octet_length(_name) > 256 THEN 'name: at most 256 bytes'
    WHEN octet_length(_id) > 128 OR _id ~ '[^A-Za-z0-9_.:-]' THEN 'id: up to 128 of A-Z a-z 0-9 _ . : -'
    WHEN octet_length(_queue) > 128 OR _queue ~ '[^A-Za-z0-9_.:-]' THEN 'queue: up to 128 of A-Z a-z 0-9 _ . : -'
    WHEN _priority NOT BETWEEN -100 AND 100 THEN 'priority: -100 to 100'
    WHEN octet_length(_content_type) > 256 THEN 'content_type: at most 256 bytes'
    WHEN _run_at IS NOT NULL AND _delay IS NOT NULL THEN 'delay: not together with run_at'
    WHEN _run_at NOT BETWEEN '1970-01-01 00:00:00+00' AND '9999-12-31 23:59:59+00' THEN 'run_at: from the year 1970 to the year 9999'
  END;
  most bigint;
BEGIN
  IF fault IS NOT NULL THEN PERFORM gkick.refuse(split_part(fault, ': ', 1), substr(fault, strpos(fault, ': ') + 2)); END IF;
  IF octet_length(_payload) > 1024 THEN
    SELECT payload_limit INTO most FROM gkick.about;
    IF octet_length(_payload) > most THEN PERFORM gkick.refuse('payload', format('at most %s bytes', most)); END IF;
  END IF;
  IF given IS NULL OR given = '' THEN given := gkick.make_id(); END IF;
  -- The transaction has its number before the row has one: see the storage's Inbox.
  IF num_nonnulls(_metadata, _start_before, _timeout, _retention, _max_attempts, _initial_backoff, _max_backoff, _multiplier,
    _jitter, _max_lost, _unique_key, _unique_hold, _on_conflict, _concurrency_key, _fairness_key, _batch_id, _depends_on,
    _on_dependency_failure) = 0
  THEN
    INSERT INTO gkick.inbox (xid, at, id, queue, name, priority, run_at, delay, payload, content_type) VALUES (
      pg_current_xact_id(), clock_timestamp(), given, CASE WHEN _queue <> '' THEN _queue ELSE 'default' END, _name,
      coalesce(_priority, 0), _run_at, CASE WHEN _delay IS NOT NULL THEN gkick.span('delay', _delay) END, coalesce(_payload, ''),
      coalesce(_content_type, ''));
  ELSE
    PERFORM gkick.check_rare(given, _metadata, _start_before, _timeout, _max_attempts, _multiplier, _jitter, _max_lost,
      _unique_key, _unique_hold, _on_conflict, _concurrency_key, _fairness_key, _batch_id, _depends_on, _on_dependency_failure);
    INSERT INTO gkick.inbox VALUES (
      pg_current_xact_id(), DEFAULT, clock_timestamp(), given, coalesce(nullif(_queue, ''), 'default'), _name,
      coalesce(_priority, 0), _run_at, gkick.span('delay', _delay), coalesce(_payload, ''), coalesce(_content_type, ''), _metadata,
      _start_before, gkick.span('timeout', _timeout), gkick.span('retention', _retention), _max_attempts,
      gkick.span('initial_backoff', _initial_backoff), gkick.span('max_backoff', _max_backoff), _multiplier, _jitter, _max_lost,
      _unique_key, gkick.span('unique_hold', _unique_hold), lower(_on_conflict), _concurrency_key, _fairness_key,
      _batch_id, _depends_on, lower(_on_dependency_failure));
  END IF;
  -- After the row: who sees that the leader looks by itself has locked the table by then, and that is what the leader looks for before it
  -- relies on notifications again.
  IF pg_sequence_last_value('gkick.inbox_watch'::regclass) IS DISTINCT FROM 2 THEN PERFORM pg_notify('gkick_inbox', 'gkick.'); END IF;
  RETURN given;
END $$;

-- What few jobs set.
CREATE OR REPLACE FUNCTION gkick.check_rare(
  _id text, _metadata jsonb, _start_before timestamptz, _timeout interval, _max_attempts int, _multiplier double precision,
  _jitter double precision, _max_lost int, _unique_key text, _unique_hold interval, _on_conflict text, _concurrency_key text,
  _fairness_key text, _batch_id text, _depends_on text[], _on_dependency_failure text
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  entries bigint;
  bytes bigint;
BEGIN
  IF _metadata IS NOT NULL THEN
    IF jsonb_typeof(_metadata) <> 'object' THEN PERFORM gkick.refuse('metadata', 'an object of texts'); END IF;
    IF EXISTS (SELECT FROM jsonb_each(_metadata) WHERE jsonb_typeof(value) <> 'string') THEN
      PERFORM gkick.refuse('metadata', 'an object of texts');
    END IF;
    SELECT count(*), coalesce(sum(octet_length(key) + octet_length(value)), 0) INTO entries, bytes FROM jsonb_each_text(_metadata);
    IF entries > 64 THEN PERFORM gkick.refuse('metadata', 'at most 64 entries'); END IF;
    IF bytes > 16384 THEN PERFORM gkick.refuse('metadata', 'at most 16384 bytes in all'); END IF;
  END IF;
  IF _start_before NOT BETWEEN '1970-01-01 00:00:00+00' AND '9999-12-31 23:59:59+00' THEN
    PERFORM gkick.refuse('start_before', 'from the year 1970 to the year 9999');
  END IF;
  IF _timeout <= interval '0' THEN PERFORM gkick.refuse('timeout', 'must be more than zero'); END IF;
  IF _max_attempts < 0 THEN PERFORM gkick.refuse('max_attempts', 'must not be negative'); END IF;
  IF _max_lost < 0 THEN PERFORM gkick.refuse('max_lost', 'must not be negative'); END IF;
  IF NOT (_multiplier = 0 OR _multiplier BETWEEN 1 AND 1000000) THEN
    PERFORM gkick.refuse('multiplier', 'at least 1, at most 1,000,000; 0 for the default');
  END IF;
  IF NOT (_jitter <= 1 AND _jitter > '-Infinity') THEN
    PERFORM gkick.refuse('jitter', 'more than 0, at most 1; 0 for the default, negative for none');
  END IF;
  IF _unique_key = '' THEN PERFORM gkick.refuse('unique_key', 'must not be empty'); END IF;
  IF octet_length(_unique_key) > 512 THEN PERFORM gkick.refuse('unique_key', 'at most 512 bytes'); END IF;
  IF _unique_key IS NULL AND _unique_hold IS NOT NULL THEN PERFORM gkick.refuse('unique_hold', 'needs unique_key'); END IF;
  IF _unique_key IS NULL AND _on_conflict IS NOT NULL THEN PERFORM gkick.refuse('on_conflict', 'needs unique_key'); END IF;
  IF lower(_on_conflict) NOT IN ('keep', 'reject', 'replace') THEN
    PERFORM gkick.refuse('on_conflict', 'keep, reject or replace');
  END IF;
  IF octet_length(_concurrency_key) > 512 THEN PERFORM gkick.refuse('concurrency_key', 'at most 512 bytes'); END IF;
  IF octet_length(_fairness_key) > 512 THEN PERFORM gkick.refuse('fairness_key', 'at most 512 bytes'); END IF;
  IF octet_length(_batch_id) > 128 OR _batch_id ~ '[^A-Za-z0-9_.:-]' THEN
    PERFORM gkick.refuse('batch_id', 'up to 128 of A-Z a-z 0-9 _ . : -');
  END IF;
  IF cardinality(_depends_on) > 100 THEN PERFORM gkick.refuse('depends_on', 'at most 100 ids'); END IF;
  IF _id = ANY (_depends_on) THEN PERFORM gkick.refuse('depends_on', 'a job cannot depend on itself'); END IF;
  IF EXISTS (SELECT FROM unnest(_depends_on) one WHERE coalesce(octet_length(one), 0) NOT BETWEEN 1 AND 128 OR one ~ '[^A-Za-z0-9_.:-]') THEN
    PERFORM gkick.refuse('depends_on', 'ids of up to 128 of A-Z a-z 0-9 _ . : -');
  END IF;
  IF lower(_on_dependency_failure) NOT IN ('cancel', 'run') THEN
    PERFORM gkick.refuse('on_dependency_failure', 'cancel or run');
  END IF;
END $$;

-- The three forms of `enqueue` differ in the payload's type. They run with their owner's rights: EXECUTE on them is all that a
-- producer needs.
CREATE OR REPLACE FUNCTION gkick.enqueue(
  name text, payload text DEFAULT NULL, id text DEFAULT NULL, queue text DEFAULT NULL, content_type text DEFAULT NULL,
  priority int DEFAULT NULL, metadata jsonb DEFAULT NULL, run_at timestamptz DEFAULT NULL, delay interval DEFAULT NULL,
  start_before timestamptz DEFAULT NULL, timeout interval DEFAULT NULL, retention interval DEFAULT NULL,
  max_attempts int DEFAULT NULL, initial_backoff interval DEFAULT NULL, max_backoff interval DEFAULT NULL,
  multiplier double precision DEFAULT NULL, jitter double precision DEFAULT NULL, max_lost int DEFAULT NULL,
  unique_key text DEFAULT NULL, unique_hold interval DEFAULT NULL, on_conflict text DEFAULT NULL,
  concurrency_key text DEFAULT NULL, fairness_key text DEFAULT NULL, batch_id text DEFAULT NULL,
  depends_on text[] DEFAULT NULL, on_dependency_failure text DEFAULT NULL
) RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN gkick.put(name, convert_to(payload, 'UTF8'), content_type, id, queue, priority, metadata, run_at, delay,
    start_before, timeout, retention, max_attempts, initial_backoff, max_backoff, multiplier, jitter, max_lost, unique_key,
    unique_hold, on_conflict, concurrency_key, fairness_key, batch_id, depends_on, on_dependency_failure);
END $$;

CREATE OR REPLACE FUNCTION gkick.enqueue(
  name text, payload jsonb, id text DEFAULT NULL, queue text DEFAULT NULL, content_type text DEFAULT NULL,
  priority int DEFAULT NULL, metadata jsonb DEFAULT NULL, run_at timestamptz DEFAULT NULL, delay interval DEFAULT NULL,
  start_before timestamptz DEFAULT NULL, timeout interval DEFAULT NULL, retention interval DEFAULT NULL,
  max_attempts int DEFAULT NULL, initial_backoff interval DEFAULT NULL, max_backoff interval DEFAULT NULL,
  multiplier double precision DEFAULT NULL, jitter double precision DEFAULT NULL, max_lost int DEFAULT NULL,
  unique_key text DEFAULT NULL, unique_hold interval DEFAULT NULL, on_conflict text DEFAULT NULL,
  concurrency_key text DEFAULT NULL, fairness_key text DEFAULT NULL, batch_id text DEFAULT NULL,
  depends_on text[] DEFAULT NULL, on_dependency_failure text DEFAULT NULL
) RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN gkick.put(name, convert_to(payload::text, 'UTF8'), coalesce(content_type, 'application/json'), id, queue, priority,
    metadata, run_at, delay, start_before, timeout, retention, max_attempts, initial_backoff, max_backoff, multiplier,
    jitter, max_lost, unique_key, unique_hold, on_conflict, concurrency_key, fairness_key, batch_id, depends_on,
    on_dependency_failure);
END $$;

CREATE OR REPLACE FUNCTION gkick.enqueue(
  name text, payload bytea, id text DEFAULT NULL, queue text DEFAULT NULL, content_type text DEFAULT NULL,
  priority int DEFAULT NULL, metadata jsonb DEFAULT NULL, run_at timestamptz DEFAULT NULL, delay interval DEFAULT NULL,
  start_before timestamptz DEFAULT NULL, timeout interval DEFAULT NULL, retention interval DEFAULT NULL,
  max_attempts int DEFAULT NULL, initial_backoff interval DEFAULT NULL, max_backoff interval DEFAULT NULL,
  multiplier double precision DEFAULT NULL, jitter double precision DEFAULT NULL, max_lost int DEFAULT NULL,
  unique_key text DEFAULT NULL, unique_hold interval DEFAULT NULL, on_conflict text DEFAULT NULL,
  concurrency_key text DEFAULT NULL, fairness_key text DEFAULT NULL, batch_id text DEFAULT NULL,
  depends_on text[] DEFAULT NULL, on_dependency_failure text DEFAULT NULL
) RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN gkick.put(name, payload, content_type, id, queue, priority, metadata, run_at, delay, start_before, timeout,
    retention, max_attempts, initial_backoff, max_backoff, multiplier, jitter, max_lost, unique_key, unique_hold, on_conflict,
    concurrency_key, fairness_key, batch_id, depends_on, on_dependency_failure);
END $$;

-- An array of objects whose names are those of enqueue's arguments; ids as rows, in order. A payload that is a text is taken as it is, any
-- other value as JSON; spans are texts as PostgreSQL reads intervals, or numbers of seconds.
CREATE OR REPLACE FUNCTION gkick.enqueue_many(jobs jsonb) RETURNS SETOF text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  job jsonb;
  field text;
  is_json boolean;
BEGIN
  IF jsonb_typeof(jobs) IS DISTINCT FROM 'array' THEN PERFORM gkick.refuse('jobs', 'an array of objects'); END IF;
  IF jsonb_array_length(jobs) > 10000 THEN PERFORM gkick.refuse('jobs', 'at most 10,000'); END IF;
  FOR job IN SELECT value FROM jsonb_array_elements(jobs) LOOP
    IF jsonb_typeof(job) <> 'object' THEN PERFORM gkick.refuse('jobs', 'an array of objects'); END IF;
    job := jsonb_strip_nulls(job - 'payload' - 'metadata') || (
      SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(job)
      WHERE key IN ('payload', 'metadata') AND (key = 'payload' OR jsonb_typeof(value) <> 'null'));
    FOR field IN SELECT jsonb_object_keys(job) LOOP
      IF field NOT IN ('name', 'payload', 'id', 'queue', 'content_type', 'priority', 'metadata', 'run_at', 'delay',
        'start_before', 'timeout', 'retention', 'max_attempts', 'initial_backoff', 'max_backoff', 'multiplier', 'jitter',
        'max_lost', 'unique_key', 'unique_hold', 'on_conflict', 'concurrency_key', 'fairness_key', 'batch_id', 'depends_on',
        'on_dependency_failure') THEN
        PERFORM gkick.refuse(field, 'no such field');
      END IF;
    END LOOP;
    IF jsonb_typeof(job -> 'depends_on') <> 'array' THEN PERFORM gkick.refuse('depends_on', 'an array of ids'); END IF;
    is_json := jsonb_typeof(job -> 'payload') <> 'string';
    RETURN NEXT gkick.put(
      job ->> 'name',
      CASE WHEN is_json THEN convert_to((job -> 'payload')::text, 'UTF8') ELSE convert_to(job ->> 'payload', 'UTF8') END,
      coalesce(job ->> 'content_type', CASE WHEN is_json THEN 'application/json' END),
      job ->> 'id', job ->> 'queue', gkick.json_int(job, 'priority'), job -> 'metadata', gkick.json_time(job, 'run_at'),
      gkick.json_span(job, 'delay'), gkick.json_time(job, 'start_before'), gkick.json_span(job, 'timeout'),
      gkick.json_span(job, 'retention'), gkick.json_int(job, 'max_attempts'), gkick.json_span(job, 'initial_backoff'),
      gkick.json_span(job, 'max_backoff'), gkick.json_double(job, 'multiplier'), gkick.json_double(job, 'jitter'),
      gkick.json_int(job, 'max_lost'), job ->> 'unique_key', gkick.json_span(job, 'unique_hold'), job ->> 'on_conflict',
      job ->> 'concurrency_key', job ->> 'fairness_key', job ->> 'batch_id',
      CASE WHEN job ? 'depends_on' THEN ARRAY(SELECT jsonb_array_elements_text(job -> 'depends_on')) END,
      job ->> 'on_dependency_failure');
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION gkick.json_int(job jsonb, field text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  RETURN (job ->> field)::int;
EXCEPTION WHEN data_exception THEN PERFORM gkick.refuse(field, 'an integer');
END $$;

CREATE OR REPLACE FUNCTION gkick.json_double(job jsonb, field text) RETURNS double precision LANGUAGE plpgsql AS $$
BEGIN
  RETURN (job ->> field)::double precision;
EXCEPTION WHEN data_exception THEN PERFORM gkick.refuse(field, 'a number');
END $$;

CREATE OR REPLACE FUNCTION gkick.json_time(job jsonb, field text) RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
  RETURN (job ->> field)::timestamptz;
EXCEPTION WHEN data_exception THEN PERFORM gkick.refuse(field, 'a time');
END $$;

CREATE OR REPLACE FUNCTION gkick.json_span(job jsonb, field text) RETURNS interval LANGUAGE plpgsql AS $$
BEGIN
  IF jsonb_typeof(job -> field) = 'number' THEN RETURN make_interval(secs => (job ->> field)::double precision); END IF;
  RETURN (job ->> field)::interval;
EXCEPTION WHEN data_exception THEN PERFORM gkick.refuse(field, 'an interval, or seconds');
END $$;

-- A promise: what was put in and could not become a job.
CREATE OR REPLACE VIEW gkick.intake_refused AS
SELECT id::text AS id, queue::text AS queue, name::text AS name, reason, existing_id::text AS existing_id, at FROM gkick.refused;
