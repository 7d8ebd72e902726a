-- From version 1 to version 2.

-- A job that is started in the tick that makes it has what a running one has here, and no row in `running`: one row and its index entry less
-- to write and to clear away. `state` may so be 3; a job that has a row in `running` is running whatever `state` says.
ALTER TABLE gkick.job ADD token bigint, ADD deadline timestamptz, ADD resume_window bigint;
-- That an id is there once is decided by the one server that leads. To prove it again with every change of every row costs a tenth of all.
DROP INDEX gkick.job_id;
CREATE INDEX job_id ON gkick.job (id);
UPDATE gkick.about SET version = 2;
