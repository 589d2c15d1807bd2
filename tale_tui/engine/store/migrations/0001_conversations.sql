-- Sessions, their trees of messages, what waits to be sent, the full-text index, and what was chosen and learned.
-- Rows are known outside by `id`; `n` joins them inside. Times are seconds since the epoch.

PRAGMA application_id = 1413565509; -- "TALE"

CREATE TABLE session (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,                      -- given by the user; where it is empty, the first words are shown
    first_words TEXT NOT NULL DEFAULT '',
    system TEXT NOT NULL,
    created REAL NOT NULL,
    updated REAL NOT NULL,
    forked_from TEXT,                         -- the id of a session that may have been deleted since
    shown_root INTEGER,                       -- the first message of the shown branch; none in an empty session
    tip INTEGER,                              -- its last message
    turns INTEGER NOT NULL DEFAULT 0,         -- how many of its messages the user wrote
    view_message TEXT,
    view_line INTEGER NOT NULL DEFAULT 0,
    draft TEXT NOT NULL DEFAULT '',
    view_from TEXT
);

CREATE INDEX session_updated ON session (updated) WHERE shown_root IS NOT NULL;

-- A tree per session. Each message remembers which of the messages below it is shown, so that a branch that is shown
-- again goes on as it did. Long texts stand last: reading the other columns does not touch them.
CREATE TABLE message (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    session_n INTEGER NOT NULL REFERENCES session (n),
    parent_n INTEGER REFERENCES message (n),
    shown_child INTEGER,
    author TEXT NOT NULL,
    state TEXT NOT NULL,
    created REAL NOT NULL,
    backend TEXT,
    model TEXT,
    finish TEXT,
    error TEXT NOT NULL DEFAULT '',
    thinking TEXT NOT NULL DEFAULT '',
    text TEXT NOT NULL
);

CREATE INDEX message_session ON message (session_n, parent_n);
CREATE INDEX message_parent ON message (parent_n);
CREATE INDEX message_written ON message (created) WHERE author = 'user';
CREATE INDEX message_streaming ON message (n) WHERE state = 'streaming';

CREATE TABLE usage (
    message_n INTEGER PRIMARY KEY REFERENCES message (n) ON DELETE CASCADE,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    cached_tokens INTEGER,
    ttft_ms REAL,
    load_ms REAL,
    total_ms REAL,
    tokens_per_second REAL
);

CREATE TABLE queued (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    session_n INTEGER NOT NULL REFERENCES session (n),
    text TEXT NOT NULL,
    created REAL NOT NULL
);

CREATE INDEX queued_session ON queued (session_n);

-- The full-text index holds no copy of the texts. A reply is indexed when it ends, not at each of its pieces.
CREATE VIEW message_indexed AS SELECT n, text FROM message WHERE state <> 'streaming';

CREATE VIRTUAL TABLE message_fts USING fts5 (
    text, content = 'message_indexed', content_rowid = 'n', tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TRIGGER message_added AFTER INSERT ON message WHEN new.state <> 'streaming' BEGIN
    INSERT INTO message_fts (rowid, text) VALUES (new.n, new.text);
END;

CREATE TRIGGER message_changed AFTER UPDATE OF text, state ON message BEGIN
    INSERT INTO message_fts (message_fts, rowid, text)
    SELECT 'delete', old.n, old.text WHERE old.state <> 'streaming';
    INSERT INTO message_fts (rowid, text) SELECT new.n, new.text WHERE new.state <> 'streaming';
END;

CREATE TRIGGER message_removed AFTER DELETE ON message WHEN old.state <> 'streaming' BEGIN
    INSERT INTO message_fts (message_fts, rowid, text) VALUES ('delete', old.n, old.text);
END;

CREATE TABLE role_choice (
    role TEXT PRIMARY KEY,
    backend TEXT NOT NULL,
    model TEXT NOT NULL
);

CREATE TABLE text_ratio (
    backend TEXT NOT NULL,
    model TEXT NOT NULL,
    characters_per_token REAL NOT NULL,
    PRIMARY KEY (backend, model)
);
