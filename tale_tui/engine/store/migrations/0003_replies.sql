-- What an attempt at a step had written when the step was begun again from its beginning.
CREATE TABLE task_attempt (
    n INTEGER PRIMARY KEY,
    task_n INTEGER NOT NULL REFERENCES task (n),
    key TEXT NOT NULL,
    ended REAL NOT NULL,
    text TEXT NOT NULL
);

CREATE INDEX task_attempt_task ON task_attempt (task_n);

-- How a model's thinking comes: whether it stands in the text with an end and no beginning.
CREATE TABLE model_thinking (
    backend TEXT NOT NULL,
    model TEXT NOT NULL,
    unopened INTEGER NOT NULL,
    PRIMARY KEY (backend, model)
);
