-- What was measured at moments and what was summed up. Times are seconds since the epoch, memory is megabytes, NULL is
-- what was not measured or cannot be read.

-- One row every few seconds while something happens or somebody looks; one row, which is extended, for a time without.
CREATE TABLE sample (
    n INTEGER PRIMARY KEY,
    began REAL NOT NULL,
    ended REAL NOT NULL,
    idle INTEGER NOT NULL,
    queued REAL,
    running REAL,
    calls_running REAL,
    models_memory_mb REAL,
    small_resident REAL,
    app_cpu_percent REAL,
    app_memory_mb REAL,
    app_disk_mb_per_second REAL,
    own_network_mb_per_second REAL,
    machine_cpu_percent REAL,
    machine_free_mb REAL,
    machine_disk_mb_per_second REAL,
    machine_network_mb_per_second REAL
);

CREATE INDEX sample_ended ON sample (ended);

CREATE TABLE model_sample (
    sample_n INTEGER NOT NULL REFERENCES sample (n) ON DELETE CASCADE,
    backend TEXT NOT NULL,
    model TEXT NOT NULL,
    role TEXT NOT NULL DEFAULT '',            -- whose process it is in, where each role has its own
    memory_bytes INTEGER,
    gpu_share REAL,
    cpu_percent REAL,
    process_bytes INTEGER,
    reason TEXT NOT NULL DEFAULT '',          -- why its process cannot be looked at
    PRIMARY KEY (sample_n, backend, model, role)
) WITHOUT ROWID;

-- Values of a minute, an hour or a day: their number, their sum in thousandths, their ends, and how many of them lie in
-- each bucket of a sketch (a JSON list: bucket, number, bucket, number, ...).
CREATE TABLE rollup (
    step INTEGER NOT NULL,                    -- seconds
    start INTEGER NOT NULL,                   -- a multiple of it
    figure TEXT NOT NULL,
    model TEXT NOT NULL DEFAULT '',
    count INTEGER NOT NULL,
    total INTEGER NOT NULL,
    smallest REAL NOT NULL,
    largest REAL NOT NULL,
    sketch TEXT NOT NULL,
    PRIMARY KEY (step, figure, start, model)
) WITHOUT ROWID;

-- Up to which row of a table its values are in the roll-ups.
CREATE TABLE rolled_up (
    source TEXT PRIMARY KEY,
    n INTEGER NOT NULL
) WITHOUT ROWID;

-- A call as what it adds to a sum.
CREATE VIEW call_addend AS
SELECT n, timestamp, CAST(timestamp / 900 AS INTEGER) AS quarter, backend, model_name, coalesce(role, '') AS role, kind,
    coalesce(task_type, '') AS task_type, coalesce(complexity, '') AS complexity, session_id, task_id,
    1 AS calls, outcome = 'failed' AS failed, prompt_tokens, cached_tokens, completion_tokens, thinking_tokens,
    total_tokens, kind <> 'load' AND (prompt_tokens IS NULL OR completion_tokens IS NULL) AS uncounted,
    coalesce(
        CASE WHEN prompt_tokens IS NULL THEN estimated_prompt_tokens END
            + CASE WHEN completion_tokens IS NULL THEN estimated_completion_tokens END,
        CASE WHEN prompt_tokens IS NULL THEN estimated_prompt_tokens END,
        CASE WHEN completion_tokens IS NULL THEN estimated_completion_tokens END
    ) AS estimated_tokens,
    CASE WHEN tokens_per_second > 0 THEN completion_tokens END AS timed_tokens,
    CASE WHEN tokens_per_second > 0
        THEN CAST(round(1e6 * completion_tokens / tokens_per_second) AS INTEGER) END AS generation_us,
    CAST(round(ttft_ms) AS INTEGER) AS ttft_ms_sum, ttft_ms IS NOT NULL AS ttft_calls,
    CAST(round(max(0, total_ms - coalesce(waiting_ms, 0))) AS INTEGER) AS busy_ms,
    kind IN ('chat', 'step') AND outcome = 'done' AS answers,
    CASE WHEN kind IN ('chat', 'step') AND outcome = 'done' THEN prompt_tokens + completion_tokens END AS answer_tokens,
    CASE WHEN kind IN ('chat', 'step') AND outcome = 'done'
        THEN own_prompt_tokens + completion_tokens END AS answer_tokens_alone
FROM token_metrics;

-- Sums of the calls of a quarter of an hour, of which local hours and days are made. Whoever adds a call adds it here.
CREATE TABLE token_quarter (
    quarter INTEGER NOT NULL,                 -- since the epoch
    backend TEXT NOT NULL,
    model_name TEXT NOT NULL,
    role TEXT NOT NULL,
    kind TEXT NOT NULL,
    task_type TEXT NOT NULL,
    complexity TEXT NOT NULL,
    calls INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    prompt_tokens INTEGER,
    cached_tokens INTEGER,
    completion_tokens INTEGER,
    thinking_tokens INTEGER,
    total_tokens INTEGER,
    uncounted INTEGER NOT NULL,
    estimated_tokens INTEGER,
    timed_tokens INTEGER,
    generation_us INTEGER,
    ttft_ms_sum INTEGER,
    ttft_calls INTEGER NOT NULL,
    busy_ms INTEGER,                          -- in calls, without the time that they waited to begin
    answers INTEGER NOT NULL,                 -- replies and steps that were written to their end, and their tokens
    answer_tokens INTEGER,
    answer_tokens_alone INTEGER,              -- each prompt without the history that was sent with it
    PRIMARY KEY (quarter, backend, model_name, role, kind, task_type, complexity)
) WITHOUT ROWID;

INSERT INTO token_quarter
SELECT quarter, backend, model_name, role, kind, task_type, complexity, sum(calls), sum(failed), sum(prompt_tokens),
    sum(cached_tokens), sum(completion_tokens), sum(thinking_tokens), sum(total_tokens), sum(uncounted),
    sum(estimated_tokens), sum(timed_tokens), sum(generation_us), sum(ttft_ms_sum), sum(ttft_calls), sum(busy_ms),
    sum(answers), sum(answer_tokens), sum(answer_tokens_alone)
FROM call_addend GROUP BY 1, 2, 3, 4, 5, 6, 7;

CREATE TRIGGER token_quarter_added AFTER INSERT ON token_metrics BEGIN
    INSERT INTO token_quarter
    SELECT quarter, backend, model_name, role, kind, task_type, complexity, calls, failed, prompt_tokens, cached_tokens,
        completion_tokens, thinking_tokens, total_tokens, uncounted, estimated_tokens, timed_tokens, generation_us,
        ttft_ms_sum, ttft_calls, busy_ms, answers, answer_tokens, answer_tokens_alone
    FROM call_addend WHERE n = NEW.n
    ON CONFLICT DO UPDATE SET
        calls = calls + excluded.calls,
        failed = failed + excluded.failed,
        prompt_tokens = coalesce(prompt_tokens + excluded.prompt_tokens, prompt_tokens, excluded.prompt_tokens),
        cached_tokens = coalesce(cached_tokens + excluded.cached_tokens, cached_tokens, excluded.cached_tokens),
        completion_tokens = coalesce(
            completion_tokens + excluded.completion_tokens, completion_tokens, excluded.completion_tokens),
        thinking_tokens = coalesce(
            thinking_tokens + excluded.thinking_tokens, thinking_tokens, excluded.thinking_tokens),
        total_tokens = coalesce(total_tokens + excluded.total_tokens, total_tokens, excluded.total_tokens),
        uncounted = uncounted + excluded.uncounted,
        estimated_tokens = coalesce(
            estimated_tokens + excluded.estimated_tokens, estimated_tokens, excluded.estimated_tokens),
        timed_tokens = coalesce(timed_tokens + excluded.timed_tokens, timed_tokens, excluded.timed_tokens),
        generation_us = coalesce(generation_us + excluded.generation_us, generation_us, excluded.generation_us),
        ttft_ms_sum = coalesce(ttft_ms_sum + excluded.ttft_ms_sum, ttft_ms_sum, excluded.ttft_ms_sum),
        ttft_calls = ttft_calls + excluded.ttft_calls,
        busy_ms = coalesce(busy_ms + excluded.busy_ms, busy_ms, excluded.busy_ms),
        answers = answers + excluded.answers,
        answer_tokens = coalesce(answer_tokens + excluded.answer_tokens, answer_tokens, excluded.answer_tokens),
        answer_tokens_alone = coalesce(
            answer_tokens_alone + excluded.answer_tokens_alone, answer_tokens_alone, excluded.answer_tokens_alone);
END;
