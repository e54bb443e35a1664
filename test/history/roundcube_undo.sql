-- From the schema Roundcube 1.6.5 installs back to that of Roundcube 0.6, newest
-- change first: the reverse of the upgrade scripts the package ships. The test
-- runs those afterwards and compares the result with the schema of 1.6.5, so a
-- mistake made here would be seen.

-- 2022081200, 2021081000
DROP TABLE responses;
DROP SEQUENCE responses_seq;
ALTER TABLE identities ALTER html_signature TYPE integer;

-- 2020122900
ALTER TABLE users ALTER preferences SET DEFAULT ''::text, ALTER preferences SET NOT NULL;

-- 2020091000
DROP TABLE collected_addresses;
DROP SEQUENCE collected_addresses_seq;

-- 2020020100
ALTER TABLE users ALTER "language" TYPE varchar(5);

-- 2018122300, 2018021600
DROP TABLE filestore;
DROP SEQUENCE filestore_seq;

-- 2016112200, 2013061000, 2013052500, 2012080700
DROP TABLE cache, cache_shared;
CREATE SEQUENCE cache_ids;
CREATE TABLE cache (
    cache_id integer DEFAULT nextval('cache_ids'::text) PRIMARY KEY,
    user_id integer NOT NULL REFERENCES users (user_id) ON DELETE CASCADE ON UPDATE CASCADE,
    cache_key varchar(128) DEFAULT '' NOT NULL,
    created timestamp with time zone DEFAULT now() NOT NULL,
    data text NOT NULL
);
CREATE INDEX cache_user_id_idx ON cache (user_id, cache_key);
CREATE INDEX cache_created_idx ON cache (created);

-- 2016100900 changes nothing where 0.6 was installed rather than upgraded to.

-- 2016081200
ALTER TABLE session ADD created timestamp with time zone DEFAULT now() NOT NULL;

-- 2015111100
ALTER TABLE users DROP failed_login, DROP failed_login_counter;

-- 2013042700
ALTER SEQUENCE users_seq RENAME TO user_ids;
ALTER TABLE users ALTER user_id SET DEFAULT nextval('user_ids'::text);
ALTER SEQUENCE identities_seq RENAME TO identity_ids;
ALTER TABLE identities ALTER identity_id SET DEFAULT nextval('identity_ids'::text);
ALTER SEQUENCE contacts_seq RENAME TO contact_ids;
ALTER TABLE contacts ALTER contact_id SET DEFAULT nextval('contact_ids'::text);
ALTER SEQUENCE contactgroups_seq RENAME TO contactgroups_ids;
ALTER TABLE contactgroups ALTER contactgroup_id SET DEFAULT nextval('contactgroups_ids'::text);

-- 2013011000
DROP TABLE system;

-- 2012080700
ALTER TABLE users ADD alias varchar(128) DEFAULT '' NOT NULL;
CREATE INDEX users_alias_id_idx ON users (alias);
DROP INDEX identities_email_idx;

-- 2011121400
DROP INDEX contacts_user_id_idx;
CREATE INDEX contacts_user_id_idx ON contacts (user_id, email);
ALTER TABLE contacts ALTER email TYPE varchar(255);

-- 2011111600
ALTER TABLE session ALTER sess_id TYPE varchar(40);

-- 2011092800
DROP TABLE cache_index, cache_thread, cache_messages, searches, dictionary;
DROP SEQUENCE searches_seq;
CREATE SEQUENCE message_ids;
CREATE TABLE messages (
    message_id integer DEFAULT nextval('message_ids'::text) PRIMARY KEY,
    user_id integer NOT NULL REFERENCES users (user_id) ON DELETE CASCADE ON UPDATE CASCADE,
    del smallint DEFAULT 0 NOT NULL,
    cache_key varchar(128) DEFAULT '' NOT NULL,
    created timestamp with time zone DEFAULT now() NOT NULL,
    idx integer DEFAULT 0 NOT NULL,
    uid integer DEFAULT 0 NOT NULL,
    subject varchar(128) DEFAULT '' NOT NULL,
    "from" varchar(128) DEFAULT '' NOT NULL,
    "to" varchar(128) DEFAULT '' NOT NULL,
    cc varchar(128) DEFAULT '' NOT NULL,
    date timestamp with time zone NOT NULL,
    size integer DEFAULT 0 NOT NULL,
    headers text NOT NULL,
    structure text,
    CONSTRAINT messages_user_id_key UNIQUE (user_id, cache_key, uid)
);
CREATE INDEX messages_index_idx ON messages (user_id, cache_key, idx);
CREATE INDEX messages_created_idx ON messages (created);
