-- gKick's tables, version 1, for MariaDB 10.6 and MySQL 8. Another prefix than `gkick` is put in its place. Statements end with a line "--;".
-- Times and spans are microseconds, times since 1970: the view gkick_jobs has them as people write them.
CREATE TABLE IF NOT EXISTS gkick_leader (
  one TINYINT PRIMARY KEY, epoch BIGINT NOT NULL, server_id VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  connection BIGINT
) ENGINE=InnoDB
--;
CREATE TABLE IF NOT EXISTS gkick_renewal (one TINYINT PRIMARY KEY, epoch BIGINT NOT NULL, at BIGINT NOT NULL) ENGINE=InnoDB
--;
CREATE TABLE IF NOT EXISTS gkick_server (
  id VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY, address TEXT NOT NULL, version TEXT NOT NULL,
  started_at BIGINT NOT NULL, last_seen_at BIGINT NOT NULL, workers BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
--;
-- One row per write: the fence, the counters, the events, and what changed of queues and documents.
CREATE TABLE IF NOT EXISTS gkick_tick (
  epoch BIGINT NOT NULL, number BIGINT NOT NULL, at BIGINT NOT NULL, next_seq BIGINT NOT NULL, before_cursor BIGINT NOT NULL,
  last_cursor BIGINT NOT NULL, total_bytes BIGINT NOT NULL, kept_epoch BIGINT NOT NULL, kept_number BIGINT NOT NULL,
  events LONGBLOB, kept LONGBLOB, PRIMARY KEY (epoch, number), KEY tick_cursor (last_cursor)
) ENGINE=InnoDB
--;
-- What has a row in gkick_running is running, whatever `state` says. flags: 1: the producer chose the id; 2: was started; 4: waits for no
-- dependency any more; 8: a cancel was asked for.
CREATE TABLE IF NOT EXISTS gkick_job (
  seq BIGINT PRIMARY KEY, created_at BIGINT NOT NULL, run_at BIGINT NOT NULL, first_run_at BIGINT, started_at BIGINT,
  finished_at BIGINT, expires_at BIGINT, hold_until BIGINT, attempt BIGINT NOT NULL DEFAULT 0, lost BIGINT NOT NULL DEFAULT 0,
  payload_size BIGINT NOT NULL, body_sum INT NOT NULL, state TINYINT NOT NULL, priority TINYINT NOT NULL,
  flags SMALLINT NOT NULL DEFAULT 0, payload_at SMALLINT NOT NULL DEFAULT 0,
  id VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, queue VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name VARCHAR(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  worker_id VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, batch_id VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin,
  concurrency_key VARBINARY(512), fairness_key VARBINARY(512), recurring_id VARBINARY(512),
  content_type VARCHAR(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, metadata LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  options BLOB, body LONGBLOB NOT NULL, result LONGBLOB, carried LONGBLOB,
  UNIQUE KEY job_id (id), KEY job_queue (queue, state), KEY job_name (name), KEY job_state (state), KEY job_expires (expires_at),
  KEY job_hold (hold_until), KEY job_batch (batch_id), KEY job_concurrency (concurrency_key), KEY job_fairness (fairness_key),
  KEY job_recurring (recurring_id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC
--;
CREATE TABLE IF NOT EXISTS gkick_chosen (seq BIGINT PRIMARY KEY) ENGINE=InnoDB
--;
CREATE TABLE IF NOT EXISTS gkick_running (
  seq BIGINT PRIMARY KEY, token BIGINT NOT NULL, run_at BIGINT NOT NULL, started_at BIGINT, deadline BIGINT,
  resume_window BIGINT NOT NULL, attempt BIGINT NOT NULL, lost BIGINT NOT NULL, flags SMALLINT NOT NULL,
  worker_id VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL
) ENGINE=InnoDB
--;
CREATE TABLE IF NOT EXISTS gkick_queue (
  name VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY, paused TINYINT NOT NULL, succeeded BIGINT NOT NULL,
  failed BIGINT NOT NULL, ended BIGINT NOT NULL, dead BIGINT NOT NULL, last_used_at BIGINT NOT NULL
) ENGINE=InnoDB
--;
CREATE TABLE IF NOT EXISTS gkick_document (
  kind TINYINT NOT NULL, name VARBINARY(700) NOT NULL, bytes LONGBLOB NOT NULL, PRIMARY KEY (kind, name)
) ENGINE=InnoDB
--;
-- What producers put in by SQL, until the leader takes it: a plain INSERT, or gkick_enqueue. The fields are those of Docs/sql.md.
CREATE TABLE IF NOT EXISTS gkick_inbox (
  number BIGINT AUTO_INCREMENT PRIMARY KEY, at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), id VARCHAR(128),
  job LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, payload LONGBLOB
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
--;
CREATE TABLE IF NOT EXISTS gkick_refused (
  number BIGINT AUTO_INCREMENT PRIMARY KEY, id TEXT NOT NULL, queue TEXT NOT NULL, name TEXT NOT NULL, reason TEXT NOT NULL,
  existing_id TEXT, at BIGINT NOT NULL, KEY refused_at (at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
--;
INSERT IGNORE INTO gkick_leader VALUES (1, 0, '', NULL)
--;
INSERT IGNORE INTO gkick_renewal VALUES (1, 0, 0)
--;
-- Written last: it says that all of the above is there.
CREATE TABLE IF NOT EXISTS gkick_about (
  one TINYINT PRIMARY KEY, version INT NOT NULL, salt INT NOT NULL, secret VARBINARY(64) NOT NULL, scripts INT NOT NULL
) ENGINE=InnoDB
