-- What the choice of a task's model goes by: how simple it was judged when it was handed in, and the role whose model the
-- user gave it to.

ALTER TABLE task ADD COLUMN p_simple REAL;
ALTER TABLE task ADD COLUMN given TEXT;
