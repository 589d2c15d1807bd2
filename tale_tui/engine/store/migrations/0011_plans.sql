-- Plans that a model made, or that somebody was asked about: what was approved of them, and which steps may run.

CREATE TABLE task_plan (
    task_n INTEGER PRIMARY KEY REFERENCES task (n),
    asks TEXT NOT NULL DEFAULT '',            -- why it asks
    approved TEXT,                            -- the plan that was approved last, as JSON
    tokens INTEGER,                           -- that were to be written in all by what was approved
    models TEXT NOT NULL DEFAULT '[]',        -- of what was approved
    stepwise INTEGER NOT NULL DEFAULT 0,
    refused TEXT NOT NULL DEFAULT '[]',       -- why the plans before this one were refused
    replans INTEGER NOT NULL DEFAULT 0
);

ALTER TABLE task_step ADD COLUMN allowed INTEGER NOT NULL DEFAULT 1; -- 0: not before the user has said yes
ALTER TABLE task_step ADD COLUMN plans INTEGER NOT NULL DEFAULT 0;   -- 1: it makes the plan, and is no work of it
