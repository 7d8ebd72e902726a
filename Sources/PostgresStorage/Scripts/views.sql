-- What people query, and functions of it. Made anew by every version of the server: no table is in here.

-- The value of the first field of this number in a body: a protobuf message whose fields all have lengths. NULL: it has none.
CREATE OR REPLACE FUNCTION gkick.body_field(body bytea, number int) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  place int := 0;
  tag int;
  size bigint;
  shift int;
  byte int;
BEGIN
  WHILE place < length(body) LOOP
    tag := get_byte(body, place);
    place := place + 1;
    size := 0;
    shift := 0;
    LOOP
      byte := get_byte(body, place);
      place := place + 1;
      size := size | ((byte & 127)::bigint << shift);
      shift := shift + 7;
      EXIT WHEN byte < 128;
    END LOOP;
    IF tag >> 3 = number THEN RETURN substring(body FROM place + 1 FOR size::int); END IF;
    place := place + size::int;
  END LOOP;
  RETURN NULL;
END $$;

-- The metadata of a body as an object.
CREATE OR REPLACE FUNCTION gkick.body_metadata(body bytea) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  place int := 0;
  tag int;
  size bigint;
  shift int;
  byte int;
  entry bytea;
  found jsonb := '{}';
BEGIN
  WHILE place < length(body) LOOP
    tag := get_byte(body, place);
    place := place + 1;
    size := 0;
    shift := 0;
    LOOP
      byte := get_byte(body, place);
      place := place + 1;
      size := size | ((byte & 127)::bigint << shift);
      shift := shift + 7;
      EXIT WHEN byte < 128;
    END LOOP;
    IF tag >> 3 = 7 THEN
      entry := substring(body FROM place + 1 FOR size::int);
      found := found || jsonb_build_object(
        coalesce(convert_from(gkick.body_field(entry, 1), 'UTF8'), ''),
        coalesce(convert_from(gkick.body_field(entry, 2), 'UTF8'), ''));
    END IF;
    place := place + size::int;
  END LOOP;
  RETURN found;
END $$;

CREATE OR REPLACE FUNCTION gkick.state_name(state smallint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (ARRAY['SCHEDULED', 'READY', 'RUNNING', 'RETRYING', 'SUCCEEDED', 'DEAD', 'CANCELED', 'EXPIRED', 'BLOCKED'])[state]
$$;

-- A promise: these columns stay, with these names and meanings.
CREATE OR REPLACE VIEW gkick.jobs AS
SELECT
  j.id::text AS id,
  j.queue::text AS queue,
  j.name::text AS name,
  CASE WHEN r.seq IS NOT NULL THEN 'RUNNING' ELSE gkick.state_name(j.state) END AS state,
  j.priority::int AS priority,
  coalesce(r.attempt, j.attempt) AS attempt,
  j.created_at,
  coalesce(r.run_at, j.run_at) AS run_at,
  coalesce(r.started_at, j.started_at) AS started_at,
  CASE WHEN r.seq IS NULL THEN j.finished_at END AS finished_at,
  coalesce(r.worker_id, j.worker_id)::text AS worker_id,
  j.batch_id::text AS batch_id,
  j.concurrency_key::text AS concurrency_key,
  j.fairness_key::text AS fairness_key,
  coalesce(convert_from(gkick.body_field(j.body, 6), 'UTF8'), '') AS content_type,
  coalesce(gkick.body_field(j.body, 5), '') AS payload,
  j.result,
  gkick.body_metadata(j.body) AS metadata
FROM gkick.job j LEFT JOIN gkick.running r ON r.seq = j.seq;

-- Takes the leadership if nobody has it or who had it was not heard for `term` microseconds; sooner if its session with the database is gone.
-- Gives the new epoch, or who leads and where it can be reached.
-- _known: the newest epoch that the server knows of. A database that failed over to a replica which lagged may have forgotten it; and epochs
-- that nobody left knows of are below the seconds since 2023. So none is ever given twice.
CREATE OR REPLACE FUNCTION gkick.seek(_server text, _term bigint, _pid int, _known bigint, OUT epoch bigint, OUT server_id text, OUT address text)
LANGUAGE plpgsql AS $$
DECLARE
  now timestamptz := clock_timestamp();
  heard timestamptz;
  silent interval;
  session int;
  seen bigint;
BEGIN
  SELECT l.epoch, l.server_id, l.pid INTO seen, server_id, session FROM gkick.leader l;
  SELECT r.at INTO heard FROM gkick.renewal r;
  -- A clock that was set back must not lengthen a term.
  silent := greatest(now - heard, heard - now);
  IF server_id NOT IN ('', _server) AND silent < make_interval(secs => _term / 1e6) AND (
    session IS NULL OR silent < interval '0.5 s'
    OR EXISTS (SELECT 1 FROM pg_catalog.pg_stat_activity a WHERE a.pid = session AND a.datname = current_database())
  ) THEN
    SELECT s.address INTO address FROM gkick.server s WHERE s.id = seek.server_id;
    RETURN;
  END IF;
  -- Of several that come at once one gets it: the others find that somebody was before them.
  UPDATE gkick.leader l SET
    epoch = greatest(l.epoch, _known, floor(extract(epoch FROM now))::bigint - 1700000000) + 1, server_id = _server, pid = nullif(_pid, 0), since = now
  WHERE l.epoch = seen AND l.server_id = seek.server_id
  RETURNING l.epoch, l.server_id INTO epoch, server_id;
  IF FOUND THEN
    UPDATE gkick.renewal SET epoch = seek.epoch, at = now;
  ELSE
    SELECT l.server_id INTO server_id FROM gkick.leader l;
    SELECT s.address INTO address FROM gkick.server s WHERE s.id = seek.server_id;
  END IF;
END $$;

CREATE OR REPLACE FUNCTION gkick.renew(_server text, _epoch bigint, _pid int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  session int;
BEGIN
  SELECT pid INTO session FROM gkick.leader WHERE epoch = _epoch AND server_id = _server;
  IF NOT FOUND THEN RAISE EXCEPTION 'another server leads' USING ERRCODE = 'GK001'; END IF;
  IF session IS DISTINCT FROM nullif(_pid, 0) THEN
    UPDATE gkick.leader SET pid = nullif(_pid, 0) WHERE epoch = _epoch AND server_id = _server;
  END IF;
  UPDATE gkick.renewal SET at = clock_timestamp() WHERE epoch = _epoch;
  IF NOT FOUND THEN RAISE EXCEPTION 'another server leads' USING ERRCODE = 'GK001'; END IF;
END $$;

CREATE OR REPLACE FUNCTION gkick.resign(_server text, _epoch bigint) RETURNS void LANGUAGE sql AS $$
  UPDATE gkick.leader SET server_id = '', pid = NULL WHERE epoch = _epoch AND server_id = _server
$$;
