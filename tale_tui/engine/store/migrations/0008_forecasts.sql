-- What was foreseen of a task before it ran; what came stands in the task itself. Of a task that is run again the first
-- forecast stays.

CREATE TABLE task_forecast (
    task_n INTEGER PRIMARY KEY REFERENCES task (n),
    made REAL NOT NULL,
    kind TEXT NOT NULL,                       -- of its answer
    complexity TEXT,
    backend TEXT,
    model TEXT,
    runs INTEGER NOT NULL,                    -- of its model, that it was made from
    why TEXT NOT NULL DEFAULT '',
    prompt_tokens REAL NOT NULL,              -- each with the ends of its interval
    prompt_low REAL NOT NULL,
    prompt_high REAL NOT NULL,
    completion_tokens REAL NOT NULL,
    completion_low REAL NOT NULL,
    completion_high REAL NOT NULL,
    seconds REAL NOT NULL,
    seconds_low REAL NOT NULL,
    seconds_high REAL NOT NULL,
    waiting_s REAL NOT NULL,
    waiting_low REAL NOT NULL,
    waiting_high REAL NOT NULL,
    cost REAL,
    cost_low REAL,
    cost_high REAL
);
