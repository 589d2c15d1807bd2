-- Tasks, their steps, what they wait for and their history; what a card and a user's message know of tasks; corrections
-- of the detector; how models came into memory. Rows are known outside by `id`; `n` joins them inside. Times are
-- seconds since the epoch, durations end in `_s` or `ms`.

ALTER TABLE message ADD COLUMN task_id TEXT;                -- of a reply: the task that it is the card of
ALTER TABLE message ADD COLUMN p REAL;                      -- of a user's message: how likely a task, as judged when sent
ALTER TABLE message ADD COLUMN why TEXT NOT NULL DEFAULT ''; -- of a reply: why this model wrote it

-- Small rows, which change often; the long texts stand in task_body.
CREATE TABLE task (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    priority INTEGER NOT NULL,                -- 0 urgent, 1 high, 2 normal, 3 low
    place REAL NOT NULL,                      -- within a priority; a task that was moved stands between two others
    epoch INTEGER NOT NULL DEFAULT 0,         -- changes when a run begins or ends: a run that knows an old one is fenced
    title TEXT NOT NULL,
    session_id TEXT REFERENCES session (id) ON DELETE SET NULL,
    message_id TEXT REFERENCES message (id) ON DELETE SET NULL,
    created REAL NOT NULL,
    updated REAL NOT NULL,
    started REAL,
    finished REAL,                            -- of a task that has ended, and of no other
    running_since REAL,                       -- of a task that runs, and of no other
    worked_s REAL NOT NULL DEFAULT 0,
    time_limit_s REAL,
    backend TEXT,
    model TEXT,
    why TEXT NOT NULL DEFAULT '',
    p REAL,
    asks TEXT,                                -- what a waiting task wants a yes to: the key of a step, '' for its plan
    steps_total INTEGER NOT NULL,
    steps_done INTEGER NOT NULL DEFAULT 0,    -- this and the next four follow from its steps
    step_title TEXT NOT NULL DEFAULT '',
    next_try REAL,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    error TEXT NOT NULL DEFAULT '',
    error_code TEXT NOT NULL DEFAULT ''
);

CREATE INDEX task_queue ON task (state, reason, priority, place);
CREATE INDEX task_place ON task (place);
CREATE INDEX task_finished ON task (finished);
CREATE INDEX task_session ON task (session_id);
CREATE INDEX task_card ON task (message_id);
CREATE INDEX task_done ON task (backend, model, finished, worked_s) WHERE state = 'done';

CREATE TABLE task_body (
    task_n INTEGER PRIMARY KEY REFERENCES task (n),
    plan TEXT NOT NULL,                       -- JSON
    text TEXT NOT NULL,
    result TEXT NOT NULL DEFAULT ''
);

CREATE TABLE task_step (
    task_n INTEGER NOT NULL REFERENCES task (n),
    place INTEGER NOT NULL,                   -- in the plan, from 0
    key TEXT NOT NULL,
    title TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending',
    attempts INTEGER NOT NULL DEFAULT 0,
    approved INTEGER NOT NULL DEFAULT 0,
    started REAL,
    finished REAL,
    next_try REAL,
    backend TEXT,
    model TEXT,
    spent_tokens INTEGER,                     -- written by earlier attempts; the next seven are of the last one
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    cached_tokens INTEGER,
    ttft_ms REAL,
    load_ms REAL,
    total_ms REAL,
    tokens_per_second REAL,
    error TEXT NOT NULL DEFAULT '',
    error_code TEXT NOT NULL DEFAULT '',
    thinking TEXT NOT NULL DEFAULT '',
    text TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (task_n, key)
);

CREATE INDEX task_step_running ON task_step (task_n) WHERE state = 'running';

-- The columns of the key stand first: with another between them SQLite 3.40 finds the table damaged (quick_check).
CREATE TABLE task_after (
    task_n INTEGER NOT NULL REFERENCES task (n),
    after_n INTEGER NOT NULL REFERENCES task (n),
    place INTEGER NOT NULL,
    PRIMARY KEY (task_n, after_n)
) WITHOUT ROWID;

CREATE TABLE task_entry (
    n INTEGER PRIMARY KEY,
    task_n INTEGER NOT NULL REFERENCES task (n),
    at REAL NOT NULL,
    what TEXT NOT NULL
);

CREATE INDEX task_entry_task ON task_entry (task_n);

-- How long the tasks of a model take: the median of the last ones that are done, kept when one of them changes.
CREATE TABLE task_pace (
    backend TEXT NOT NULL,
    model TEXT NOT NULL,
    expected_s REAL NOT NULL,
    PRIMARY KEY (backend, model)
) WITHOUT ROWID;

CREATE TABLE label (
    n INTEGER PRIMARY KEY,
    text TEXT NOT NULL,
    is_task INTEGER NOT NULL,
    p REAL,
    created REAL NOT NULL
);

CREATE TABLE residency (
    n INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    backend TEXT NOT NULL,
    model TEXT NOT NULL,
    what TEXT NOT NULL,
    ms REAL,
    size_bytes INTEGER
);

CREATE INDEX residency_model ON residency (backend, model, what);
