-- Digests of the older turns of conversations. One belongs to the last message that is in it, and so to each path through
-- that message: where an earlier message is written anew, the path is another one, and the digest is not on it.

CREATE TABLE digest (
    message_n INTEGER PRIMARY KEY REFERENCES message (n) ON DELETE CASCADE,
    session_n INTEGER NOT NULL REFERENCES session (n) ON DELETE CASCADE,
    turns INTEGER NOT NULL,                   -- in it
    backend TEXT,
    model TEXT,
    created REAL NOT NULL,
    text TEXT NOT NULL
);

CREATE INDEX digest_session ON digest (session_n);

-- How long texts are in tokens differs by script. What was learned before came from texts of any; most are Latin.
CREATE TABLE script_ratio (
    backend TEXT NOT NULL,
    model TEXT NOT NULL,
    script TEXT NOT NULL,
    bytes_per_token REAL NOT NULL,
    PRIMARY KEY (backend, model, script)
) WITHOUT ROWID;

INSERT INTO script_ratio (backend, model, script, bytes_per_token)
SELECT backend, model, 'latin', characters_per_token FROM text_ratio;

DROP TABLE text_ratio;
