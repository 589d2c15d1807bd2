-- Tasks that wait for a server that is away.

ALTER TABLE task ADD COLUMN server_since REAL;  -- since when; of a task with the reason `server`, and of no other
