-- From version 1 to version 2: a job that is started in the tick that makes it has what a running one has here, and no row in gkick_running.
-- One statement, so that it is done or not done.
ALTER TABLE gkick_job ADD COLUMN token BIGINT, ADD COLUMN deadline BIGINT, ADD COLUMN resume_window BIGINT
