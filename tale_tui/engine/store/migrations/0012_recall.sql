-- What is remembered beyond a session, its vectors, what of it was offered for which reply, and how far messages and
-- tasks have been looked at. `words` is the text as the index sees it: scripts without spaces are cut into pairs.

CREATE TABLE recall_item (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    same TEXT NOT NULL UNIQUE,                -- the text without case and signs: what is said twice is kept once
    kind TEXT NOT NULL,
    origin TEXT NOT NULL,
    said REAL NOT NULL,
    pinned INTEGER NOT NULL DEFAULT 0,
    uses INTEGER NOT NULL DEFAULT 0,
    used REAL,
    session_id TEXT,
    message_id TEXT,
    task_id TEXT,
    turn INTEGER NOT NULL DEFAULT 0,
    text TEXT NOT NULL,
    words TEXT NOT NULL
);

CREATE INDEX recall_item_session ON recall_item (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX recall_item_said ON recall_item (said);
CREATE INDEX recall_item_listed ON recall_item (pinned DESC, said DESC, n DESC, kind);

CREATE VIRTUAL TABLE recall_fts USING fts5 (
    words, content = 'recall_item', content_rowid = 'n', tokenize = 'porter unicode61 remove_diacritics 2'
);

CREATE TRIGGER recall_item_added AFTER INSERT ON recall_item BEGIN
    INSERT INTO recall_fts (rowid, words) VALUES (new.n, new.words);
END;

CREATE TRIGGER recall_item_changed AFTER UPDATE OF words ON recall_item BEGIN
    INSERT INTO recall_fts (recall_fts, rowid, words) VALUES ('delete', old.n, old.words);
    INSERT INTO recall_fts (rowid, words) VALUES (new.n, new.words);
    DELETE FROM recall_vector WHERE item_n = new.n;
END;

CREATE TRIGGER recall_item_removed AFTER DELETE ON recall_item BEGIN
    INSERT INTO recall_fts (recall_fts, rowid, words) VALUES ('delete', old.n, old.words);
END;

-- One vector an item: another model takes the place of the one before.
CREATE TABLE recall_vector (
    item_n INTEGER PRIMARY KEY REFERENCES recall_item (n) ON DELETE CASCADE,
    model TEXT NOT NULL,
    vector BLOB NOT NULL                      -- a signed byte for each dimension
);

CREATE INDEX recall_vector_model ON recall_vector (model);

CREATE TABLE recall_use (
    message_id TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    item_n INTEGER NOT NULL REFERENCES recall_item (n) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    PRIMARY KEY (message_id, item_n)
) WITHOUT ROWID;

CREATE INDEX recall_use_item ON recall_use (item_n);

-- How far messages and tasks were looked at: the last number, or the last end and number.
CREATE TABLE recall_read (
    what TEXT PRIMARY KEY,
    at REAL NOT NULL,
    n INTEGER NOT NULL
);

-- In a session where recall was turned on again, only what is said from then on is looked at.
ALTER TABLE session ADD COLUMN recall_off INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN recall_after INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN remembered INTEGER NOT NULL DEFAULT 0;

CREATE INDEX message_by_user ON message (session_n, n) WHERE author = 'user';

-- What was recognised in a session goes with it; what the user wanted remembered or pinned stays, without a source.
CREATE TRIGGER session_recall_removed AFTER DELETE ON session BEGIN
    DELETE FROM recall_item WHERE session_id = old.id AND origin <> 'asked' AND NOT pinned;
    UPDATE recall_item SET session_id = NULL, message_id = NULL, turn = 0 WHERE session_id = old.id;
END;
