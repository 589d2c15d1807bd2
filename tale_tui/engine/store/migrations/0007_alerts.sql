-- What was noticed once: one row from the moment a limit was passed until it was kept again.

CREATE TABLE alert (
    n INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,          -- what it is about: a model, a range of days, a task; empty for all
    raised REAL NOT NULL,
    seen REAL NOT NULL,             -- the figure that was seen
    limit_value REAL NOT NULL,      -- what the settings allowed
    sentence TEXT NOT NULL,
    ended REAL,                     -- when the figure was well again
    acknowledged REAL
);

CREATE UNIQUE INDEX alert_open ON alert (kind, subject) WHERE ended IS NULL;
CREATE INDEX alert_last ON alert (kind, subject, raised);

-- What calls depend on besides their model: versions, servers and settings. A row for each value, from when it was seen.
CREATE TABLE environment (
    n INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL
);

CREATE INDEX environment_name ON environment (name);
CREATE INDEX environment_at ON environment (at);

ALTER TABLE task ADD COLUMN over_budget INTEGER NOT NULL DEFAULT 0; -- the user let it go on although a budget is spent
