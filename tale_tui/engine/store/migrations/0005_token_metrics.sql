-- One row for every call of a model, which outlives its session, message and task: it names them by id alone. Times are
-- seconds since the epoch, durations end in `_ms`. NULL is what the server did not say. What was cached is a part of the
-- prompt, what was thought a part of the completion.

CREATE TABLE token_metrics (
    n INTEGER PRIMARY KEY,
    timestamp REAL NOT NULL,                  -- when it began
    role TEXT,                                -- for whom it was
    backend TEXT NOT NULL,
    model_name TEXT NOT NULL,
    digest TEXT,
    kind TEXT NOT NULL,
    task_type TEXT,                           -- the label of the detector
    complexity TEXT,
    task_id TEXT,
    step TEXT,
    session_id TEXT,
    message_id TEXT,                          -- the reply, or the card of the task
    turn_id TEXT,                             -- the user's message that was answered
    why TEXT NOT NULL DEFAULT '',
    outcome TEXT NOT NULL,
    error TEXT NOT NULL DEFAULT '',           -- the class of it
    prompt_tokens INTEGER,
    cached_tokens INTEGER,
    completion_tokens INTEGER,
    thinking_tokens INTEGER,
    total_tokens INTEGER,
    ttft_ms REAL,
    load_ms REAL,
    waiting_ms REAL,
    total_ms REAL,
    tokens_per_second REAL,
    own_prompt_tokens INTEGER,                -- an estimate, as the next three, which stand where nothing was said
    estimated_prompt_tokens INTEGER,
    estimated_completion_tokens INTEGER,
    estimated_tokens_per_second REAL,
    CHECK (total_tokens IS coalesce(prompt_tokens + completion_tokens, prompt_tokens, completion_tokens))
);

CREATE INDEX token_metrics_timestamp ON token_metrics (timestamp);
CREATE INDEX token_metrics_model ON token_metrics (model_name, timestamp);
CREATE INDEX token_metrics_type ON token_metrics (task_type, timestamp);
CREATE INDEX token_metrics_task ON token_metrics (task_id) WHERE task_id IS NOT NULL;
CREATE INDEX token_metrics_session ON token_metrics (session_id, timestamp) WHERE session_id IS NOT NULL;
CREATE INDEX token_metrics_message ON token_metrics (message_id) WHERE message_id IS NOT NULL;

-- What replies already know. A fork has copies of messages, with the moment of the first one: these were one call.
INSERT INTO token_metrics (
    timestamp, role, backend, model_name, kind, task_type, session_id, message_id, turn_id, why, outcome,
    prompt_tokens, cached_tokens, completion_tokens, total_tokens, ttft_ms, load_ms, total_ms, tokens_per_second,
    estimated_completion_tokens
)
SELECT m.created, 'ux', m.backend, m.model, 'chat', CASE WHEN p.p >= 0.5 THEN 'task' ELSE 'chat' END, s.id, m.id, p.id,
    m.why,
    CASE m.state WHEN 'complete' THEN 'done' WHEN 'stopped' THEN 'cancelled' WHEN 'failed' THEN 'failed'
        ELSE 'interrupted' END,
    u.prompt_tokens,
    CASE WHEN u.cached_tokens <= u.prompt_tokens THEN u.cached_tokens END,
    CASE m.state WHEN 'complete' THEN u.completion_tokens END,
    CASE m.state WHEN 'complete' THEN coalesce(u.prompt_tokens + u.completion_tokens, u.prompt_tokens,
        u.completion_tokens) ELSE u.prompt_tokens END,
    u.ttft_ms, u.load_ms, u.total_ms, u.tokens_per_second,
    CASE WHEN m.state <> 'complete' THEN u.completion_tokens END
FROM usage AS u JOIN message AS m ON m.n = u.message_n JOIN session AS s ON s.n = m.session_n
    LEFT JOIN message AS p ON p.n = m.parent_n
WHERE m.author = 'assistant' AND m.task_id IS NULL AND m.backend IS NOT NULL AND m.model IS NOT NULL
    AND (s.forked_from IS NULL OR m.n IN (SELECT min(n) FROM message WHERE author = 'assistant' GROUP BY created));

-- The same of steps; what attempts before the last one wrote was never told by a server.
INSERT INTO token_metrics (
    timestamp, role, backend, model_name, kind, task_type, task_id, step, session_id, message_id, why, outcome, error,
    prompt_tokens, cached_tokens, completion_tokens, total_tokens, ttft_ms, load_ms, total_ms, tokens_per_second,
    estimated_completion_tokens
)
SELECT coalesce(step.started, t.created), 'task', step.backend, step.model, 'step',
    CASE WHEN t.p < 0.5 THEN 'chat' ELSE 'task' END, t.id, step.key, t.session_id, t.message_id, t.why,
    CASE step.state WHEN 'done' THEN 'done' WHEN 'failed' THEN 'failed' ELSE 'interrupted' END, step.error_code,
    CASE step.state WHEN 'done' THEN step.prompt_tokens END,
    CASE WHEN step.state = 'done' AND step.cached_tokens <= step.prompt_tokens THEN step.cached_tokens END,
    CASE step.state WHEN 'done' THEN step.completion_tokens END,
    CASE step.state WHEN 'done' THEN coalesce(step.prompt_tokens + step.completion_tokens, step.prompt_tokens,
        step.completion_tokens) END,
    step.ttft_ms, step.load_ms, step.total_ms, step.tokens_per_second,
    CASE WHEN step.state <> 'done' THEN coalesce(step.spent_tokens + step.completion_tokens, step.spent_tokens,
        step.completion_tokens) ELSE step.spent_tokens END
FROM task_step AS step JOIN task AS t ON t.n = step.task_n
WHERE step.backend IS NOT NULL AND step.model IS NOT NULL AND step.state <> 'running'
    AND (step.prompt_tokens IS NOT NULL OR step.completion_tokens IS NOT NULL OR step.spent_tokens IS NOT NULL);
