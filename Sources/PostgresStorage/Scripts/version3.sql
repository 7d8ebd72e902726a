-- From version 2 to version 3.

-- 1: who puts something in notifies. 2: the leader looks every few milliseconds by itself, so that nobody need: PostgreSQL commits
-- transactions that notify one after the other. A sequence, since its value is seen at once by all, whatever their snapshot, and no
-- row is left behind when it changes.
CREATE SEQUENCE gkick.inbox_watch MINVALUE 1 MAXVALUE 2;
SELECT setval('gkick.inbox_watch', 1);
UPDATE gkick.about SET version = 3;
