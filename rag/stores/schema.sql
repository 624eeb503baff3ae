-- The index database. `key` is ours and internal; `id` is the article's own.
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS articles (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    url TEXT,
    source TEXT COLLATE NOCASE,
    published TEXT,
    day TEXT,               -- publication day in UTC, what date filters compare with
    authors TEXT NOT NULL,  -- JSON list
    language TEXT,
    license TEXT,
    fingerprint TEXT NOT NULL,
    -- Since version 3; rag/stores/connection.py adds them to older tables.
    updated TEXT,
    section TEXT,
    byline TEXT,
    inferred INTEGER NOT NULL DEFAULT 0, -- whether `published` was found in the text or the address
    moment TEXT,                         -- `published` in UTC where it has a time
    canonical TEXT,                      -- the address without what does not belong to it
    format TEXT                          -- of the file it was read from
);
CREATE INDEX IF NOT EXISTS articles_canonical ON articles (canonical);
CREATE INDEX IF NOT EXISTS articles_day ON articles (day);
CREATE INDEX IF NOT EXISTS articles_source ON articles (source);

CREATE TABLE IF NOT EXISTS passages (
    key INTEGER PRIMARY KEY,
    article INTEGER NOT NULL REFERENCES articles (key) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    start INTEGER NOT NULL,
    stop INTEGER NOT NULL,
    sentences TEXT NOT NULL, -- JSON list of [start, end], offsets into the article's text
    UNIQUE (article, ordinal)
);

-- Little-endian float32, unit length. FAISS is built from these and can be thrown away.
CREATE TABLE IF NOT EXISTS vectors_lead (
    id INTEGER PRIMARY KEY REFERENCES articles (key) ON DELETE CASCADE, vector BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS vectors_passage (
    id INTEGER PRIMARY KEY REFERENCES passages (key) ON DELETE CASCADE, vector BLOB NOT NULL
);

-- unicode61 takes the marks off letters, but these two have none to take off: spelled out as rag.lexical.fold does.
CREATE VIEW IF NOT EXISTS articles_words AS
    SELECT key, replace(replace(title, 'ı', 'i'), 'ß', 'ss') AS title, replace(replace(text, 'ı', 'i'), 'ß', 'ss') AS text
    FROM articles;
CREATE VIRTUAL TABLE IF NOT EXISTS articles_fts USING fts5 (
    title, text, content='articles_words', content_rowid='key', tokenize='porter unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE IF NOT EXISTS vocabulary USING fts5vocab (articles_fts, 'row');

CREATE TRIGGER IF NOT EXISTS articles_added AFTER INSERT ON articles BEGIN
    INSERT INTO articles_fts (rowid, title, text) SELECT key, title, text FROM articles_words WHERE key = new.key;
END;
CREATE TRIGGER IF NOT EXISTS articles_removed BEFORE DELETE ON articles BEGIN
    INSERT INTO articles_fts (articles_fts, rowid, title, text)
        SELECT 'delete', key, title, text FROM articles_words WHERE key = old.key;
END;

-- Since version 2. Where an article was read: the bytes of a path, and the id that the file gave it there. That is the
-- article's own, but for a file without an id that was edited: the edited article keeps the id it came with.
CREATE TABLE IF NOT EXISTS origins (
    path BLOB NOT NULL,
    given TEXT NOT NULL,
    article INTEGER NOT NULL REFERENCES articles (key) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (path, given)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS origins_article ON origins (article);

-- What an article was before each of its updates. Number 1 is the first; the present one is in `articles`.
CREATE TABLE IF NOT EXISTS versions (
    article INTEGER NOT NULL REFERENCES articles (key) DEFERRABLE INITIALLY DEFERRED,
    number INTEGER NOT NULL,
    replaced TEXT NOT NULL, -- when, ISO 8601 in UTC
    fields TEXT NOT NULL,   -- JSON object
    PRIMARY KEY (article, number)
) WITHOUT ROWID;

-- Since version 3. The story of each article: the key of the article that it copies, or its own. Those that copy none
-- are found by their keys, `rag.dedup.keys`.
CREATE TABLE IF NOT EXISTS stories (
    article INTEGER PRIMARY KEY REFERENCES articles (key) ON DELETE CASCADE,
    first INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS stories_first ON stories (first);
CREATE TABLE IF NOT EXISTS story_keys (
    value INTEGER NOT NULL,
    article INTEGER NOT NULL REFERENCES articles (key) ON DELETE CASCADE,
    PRIMARY KEY (value, article)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS story_keys_article ON story_keys (article);

-- Articles that no story was looked for yet: new and changed ones, and the copies of what was changed or removed.
CREATE TABLE IF NOT EXISTS ungrouped (article INTEGER PRIMARY KEY REFERENCES articles (key) ON DELETE CASCADE);
CREATE TRIGGER IF NOT EXISTS articles_ungrouped AFTER INSERT ON articles BEGIN
    INSERT INTO ungrouped VALUES (new.key);
END;
CREATE TRIGGER IF NOT EXISTS copies_ungrouped BEFORE DELETE ON articles BEGIN
    INSERT OR IGNORE INTO ungrouped SELECT article FROM stories WHERE first = old.key AND article <> old.key;
    DELETE FROM stories WHERE first = old.key;
END;
-- Since version 3, and only where the setting asks for it: the vectors of the sentences of a passage, in order. Each is a
-- little-endian float32 and as many signed bytes, which are multiples of it.
CREATE TABLE IF NOT EXISTS vectors_sentence (
    passage INTEGER PRIMARY KEY REFERENCES passages (key) ON DELETE CASCADE, codes BLOB NOT NULL
);
