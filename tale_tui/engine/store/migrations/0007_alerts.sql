-- What was noticed once: one row from the moment a limit was passed until it was kept again.

CREATE TABLE alert (
    n INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,          -- what it is about: a model, a range of days; empty for all
    raised REAL NOT NULL,
    seen REAL NOT NULL,             -- the figure that was seen
    limit_value REAL NOT NULL,      -- what the settings allowed
    sentence TEXT NOT NULL,
    ended REAL,                     -- when the figure was well again
    acknowledged REAL
);

CREATE UNIQUE INDEX alert_open ON alert (kind, subject) WHERE ended IS NULL;
