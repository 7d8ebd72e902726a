-- Procedures and views, made anew by every version of the server. Statements end with a line "--;".
DROP PROCEDURE IF EXISTS gkick_begin_tick
--;
-- Begins a write: nobody else leads, and the write before is the one that this one follows.
CREATE PROCEDURE gkick_begin_tick(IN _epoch BIGINT, IN _number BIGINT)
BEGIN
  DECLARE held BIGINT;
  DECLARE last BIGINT;
  SELECT epoch INTO held FROM gkick_leader WHERE one = 1 LOCK IN SHARE MODE;
  IF held <> _epoch THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 31001, MESSAGE_TEXT = 'another server leads'; END IF;
  SELECT COALESCE(MAX(number), 0) INTO last FROM gkick_tick WHERE epoch = _epoch;
  IF last <> _number - 1 THEN
    SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 31001, MESSAGE_TEXT = 'this write does not follow the last one';
  END IF;
END
--;
DROP PROCEDURE IF EXISTS gkick_enqueue
--;
-- Puts one job in: the fields as one JSON object. Gives the id as a row. What it cannot be told here is refused at intake.
CREATE PROCEDURE gkick_enqueue(IN _job LONGTEXT CHARACTER SET utf8mb4)
SQL SECURITY DEFINER
BEGIN
  DECLARE given TEXT CHARACTER SET utf8mb4;
  IF NOT JSON_VALID(_job) OR JSON_TYPE(_job) <> 'OBJECT' THEN
    SIGNAL SQLSTATE '22023' SET MESSAGE_TEXT = 'job: an object';
  END IF;
  SET given = JSON_UNQUOTE(JSON_EXTRACT(_job, '$.name'));
  IF given IS NULL OR given IN ('', 'null') THEN SIGNAL SQLSTATE '22023' SET MESSAGE_TEXT = 'name: required'; END IF;
  IF OCTET_LENGTH(given) > 256 THEN SIGNAL SQLSTATE '22023' SET MESSAGE_TEXT = 'name: at most 256 bytes'; END IF;
  -- A null is as if it were not there.
  SET given = NULLIF(NULLIF(JSON_UNQUOTE(JSON_EXTRACT(_job, '$.queue')), 'null'), '');
  IF given IS NOT NULL AND NOT given REGEXP '^[A-Za-z0-9_.:-]{1,128}$' THEN
    SIGNAL SQLSTATE '22023' SET MESSAGE_TEXT = 'queue: up to 128 of A-Z a-z 0-9 _ . : -';
  END IF;
  SET given = NULLIF(JSON_UNQUOTE(JSON_EXTRACT(_job, '$.priority')), 'null');
  IF given IS NOT NULL AND (NOT given REGEXP '^-?[0-9]{1,3}$' OR given + 0 NOT BETWEEN -100 AND 100) THEN
    SIGNAL SQLSTATE '22023' SET MESSAGE_TEXT = 'priority: -100 to 100';
  END IF;
  SET given = IF(JSON_TYPE(JSON_EXTRACT(_job, '$.id')) = 'NULL', NULL, JSON_UNQUOTE(JSON_EXTRACT(_job, '$.id')));
  IF given IS NULL OR given = '' THEN
    -- RANDOM_BYTES is not there before MariaDB 10.10.
    SET given = LOWER(CONCAT(LPAD(HEX(FLOOR(UNIX_TIMESTAMP(SYSDATE(6)) * 1000)), 12, '0'), SUBSTR(SHA2(CONCAT(UUID(), RAND()), 256), 1, 20)));
    SET given = CONCAT(SUBSTR(given, 1, 8), '-', SUBSTR(given, 9, 4), '-7', SUBSTR(given, 14, 3), '-a', SUBSTR(given, 18, 3), '-',
      SUBSTR(given, 21, 12));
  ELSEIF NOT given REGEXP '^[A-Za-z0-9_.:-]{1,128}$' THEN
    SIGNAL SQLSTATE '22023' SET MESSAGE_TEXT = 'id: up to 128 of A-Z a-z 0-9 _ . : -';
  END IF;
  INSERT INTO gkick_inbox (id, job) VALUES (given, _job);
  SELECT given AS id;
END
--;
CREATE OR REPLACE VIEW gkick_jobs AS
SELECT j.id, j.queue, j.name,
  ELT(IF(r.seq IS NULL, j.state, 3), 'SCHEDULED', 'READY', 'RUNNING', 'RETRYING', 'SUCCEEDED', 'DEAD', 'CANCELED', 'EXPIRED',
    'BLOCKED') AS state,
  j.priority, COALESCE(r.attempt, j.attempt) AS attempt, TIMESTAMPADD(MICROSECOND, j.created_at, '1970-01-01') AS created_at,
  TIMESTAMPADD(MICROSECOND, COALESCE(r.run_at, j.run_at), '1970-01-01') AS run_at,
  TIMESTAMPADD(MICROSECOND, COALESCE(r.started_at, j.started_at), '1970-01-01') AS started_at,
  TIMESTAMPADD(MICROSECOND, IF(r.seq IS NULL, j.finished_at, NULL), '1970-01-01') AS finished_at,
  COALESCE(r.worker_id, j.worker_id) AS worker_id, j.batch_id, CONVERT(j.concurrency_key USING utf8mb4) AS concurrency_key,
  CONVERT(j.fairness_key USING utf8mb4) AS fairness_key, COALESCE(j.content_type, '') AS content_type,
  IF(j.payload_at = 0, '', SUBSTR(j.body, j.payload_at, j.payload_size)) AS payload, j.result,
  COALESCE(j.metadata, '{}') AS metadata
FROM gkick_job j LEFT JOIN gkick_running r ON r.seq = j.seq
--;
CREATE OR REPLACE VIEW gkick_intake_refused AS
SELECT id, queue, name, reason, existing_id, TIMESTAMPADD(MICROSECOND, at, '1970-01-01') AS at FROM gkick_refused
