# On a hot standby the questions work, and nothing is written.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
# What it replays is what this test does, and comes when this test does it.
$primary->append_conf('postgresql.conf', "autovacuum = off\n");
$primary->start;
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
# No question is cancelled, however long replay has been held up when it is asked.
$standby->append_conf('postgresql.conf', "max_standby_streaming_delay = -1\n");
$standby->start;

$primary->safe_psql('postgres', q{
	CREATE EXTENSION compat_guard;
	CREATE ROLE app;
	CREATE TABLE users (id int PRIMARY KEY, email text, note text);
	CREATE UNIQUE INDEX users_email_idx ON users (email);
	GRANT SELECT, INSERT, UPDATE ON users TO app;
	SELECT compat_guard.register('app', '1', '{"role": "app", "search_path": "public",
		"relations": {"users": {"access": ["select"], "columns": {"note": {}}, "insert": ["id"], "unique": [["email"]]}},
		"queries": {
			"read": "SELECT note FROM users WHERE id = $1",
			"write": "INSERT INTO users (id, email) VALUES ($1, $2) ON CONFLICT (email) DO NOTHING",
			"change": "UPDATE users SET note = $1",
			"remove": "WITH gone AS (DELETE FROM users RETURNING id) SELECT * FROM gone",
			"merge": "MERGE INTO users USING users AS u ON u.id = users.id WHEN MATCHED THEN DELETE",
			"lock": "SELECT id FROM users FOR UPDATE"}}');
	SELECT compat_guard.register('app', '2', '{"role": "app", "search_path": "public",
		"relations": {"users": {"columns": {"phone": {}}}}}');
	CREATE UNLOGGED TABLE cache (id int PRIMARY KEY, a int);
	GRANT ALL ON cache TO app;
	SELECT compat_guard.register('app', 'unlogged', '{"role": "app", "search_path": "public",
		"relations": {"cache": {"columns": {"a": {}}}},
		"queries": {
			"read": "SELECT a FROM cache",
			"insert": "INSERT INTO cache (a, id) VALUES ($1, $2)",
			"conflict": "INSERT INTO cache (id) VALUES ($1) ON CONFLICT (id) DO NOTHING"}}');
});
$primary->wait_for_catchup($standby);

sub same
{
	my ($name, $sql) = @_;
	is($standby->safe_psql('postgres', $sql), $primary->safe_psql('postgres', $sql), $name);
}

same('versions', 'SELECT * FROM compat_guard.versions ORDER BY 1, 2');
same('requirements', 'SELECT * FROM compat_guard.requirements ORDER BY 1, 2, 4');
same('dependencies', 'SELECT * FROM compat_guard.dependencies ORDER BY 1, 2, 3, 4, 5, 6, 7');
same('droppable', 'SELECT * FROM compat_guard.droppable ORDER BY 1, 2, 3');
same('rules', 'SELECT * FROM compat_guard.rules ORDER BY 1');
same('capture', 'SELECT compat_guard.capture()');
same('validate', q{SELECT * FROM compat_guard.validate('{"x": 1}')});

# Everything is answered as on the primary: analysing and planning DML takes no
# lock that a standby does not grant.  But it has no data of unlogged tables.
same('check', q{SELECT * FROM compat_guard.check('app', '1')});
is( $standby->safe_psql('postgres', q{
	SELECT object, state FROM compat_guard.check('app', 'unlogged') WHERE kind = 'query' ORDER BY 1}),
	"conflict|unknown\ninsert|met\nread|unknown", 'check: unlogged tables');
same('unlogged tables are ready', q{SELECT compat_guard.ready('app', 'unlogged')});
same('check: a version that is not ready', q{SELECT * FROM compat_guard.check('app', '2')});
same('ready', q{SELECT compat_guard.ready('app', '1'), compat_guard.ready('app', '2')});
same('unmet', q{SELECT * FROM compat_guard.unmet WHERE version <> 'unlogged'});
same('can_deploy', q{SELECT * FROM compat_guard.can_deploy('app', '2')});
same('can_deploy of what is not registered', q{SELECT * FROM compat_guard.can_deploy('app', '3', '{"role": "app", "search_path": "public",
		"relations": {"users": {"columns": {"fax": {}}}}}')});
same('droppable_without', q{SELECT * FROM compat_guard.droppable_without('app', '1')});
same('compatibility', q{SELECT app, version FROM compat_guard.compatibility WHERE state = 'unmet'});

# An instance that starts against a standby finds itself registered.
same('register of what is known', q{SELECT compat_guard.register('app', '2', '{"role": "app", "search_path": "public",
		"relations": {"users": {"columns": {"phone": {}}}}}')});
my ($status, $stdout, $stderr) = $standby->psql('postgres', q{\set VERBOSITY sqlstate
	SELECT compat_guard.register('app', '2', '{"role": "app", "search_path": "public",
		"relations": {"users": {"columns": {"phone": {}}}}}', require_ready => true)});
like($stderr, qr/VG013/, 'register of what is known, with require_ready');
($status, $stdout, $stderr) = $standby->psql('postgres', q{SELECT compat_guard.register('app', '3', '{}')});
like($stderr, qr/read-only|recovery/, 'register of what is new');
foreach my $sql (q{SELECT compat_guard.retire('app', '1')}, q{SELECT compat_guard.forget('app', '1')},
	q{SELECT compat_guard.set_policy('column-missing', 'warn')})
{
	($status, $stdout, $stderr) = $standby->psql('postgres', $sql);
	like($stderr, qr/read-only|recovery/, $sql);
}
($status, $stdout, $stderr) = $standby->psql('postgres', q{SELECT * FROM compat_guard.preview('ALTER TABLE users DROP COLUMN note')});
like("$stdout$stderr", qr/read-only|recovery/, 'preview');
($status, $stdout, $stderr) = $standby->psql('postgres', 'ALTER TABLE users DROP COLUMN note');
like($stderr, qr/read-only/, 'DDL is the server\'s to refuse');
is($standby->safe_psql('postgres', 'SELECT 1'), 1, 'the standby is well');

# What the primary does is seen; verdicts are the primary's.
($status, $stdout, $stderr) = $primary->psql('postgres', 'ALTER TABLE users DROP COLUMN note');
like($stderr, qr/would break/, 'the primary refuses');

# Who waits on the standby is answered from what has been replayed, and holds up
# nothing for longer than max_standby_streaming_delay.
my $waits = q{CALL compat_guard.wait_until_ready('app', '%s', '%s')};

sub start_waiter
{
	my ($sql) = @_;
	my $out = '';
	my $run = IPC::Run::start([ 'psql', '-XAtq', '-c', $sql, '-d', $standby->connstr('postgres') . ' application_name=waiter' ],
		'>&', \$out, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));

	ok( $standby->poll_query_until('postgres', q{
		SELECT wait_event = 'Extension' AND backend_xmin IS NULL
			AND NOT EXISTS (SELECT FROM pg_locks AS l WHERE l.pid = s.pid AND locktype <> 'virtualxid')
		FROM pg_stat_activity AS s WHERE application_name = 'waiter'}), "waits with nothing in hand: $sql");
	return sub { $run->finish; return $out };
}

$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
$primary->safe_psql('postgres', 'ALTER TABLE users ADD COLUMN phone text');
is($primary->safe_psql('postgres', sprintf $waits, '2', '0'), 't', 'the primary is ready');
$primary->wait_for_catchup($standby, 'write');
like(join("\n", ($standby->psql('postgres', sprintf $waits, '2', '300ms'))[1, 2]), qr/^f\n.*not ready/,
	'the standby is not while replay is paused');
my $answer = start_waiter(sprintf $waits, '2', '2 min');
$primary->safe_psql('postgres', q{SELECT compat_guard.register('app', 'late', '{"role": "app", "search_path": "public",
	"relations": {"users": {"columns": {"id": {}}}}}')});
like(join("\n", ($standby->psql('postgres', sprintf $waits, 'late', '300ms'))[1, 2]),
	qr/not registered.*has not been replayed/s, 'a registration that has not come');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
is($answer->(), "t\n", 'and is when it has resumed');
is($standby->safe_psql('postgres', sprintf $waits, 'late', '2 min'), 't', 'a registration that was late');

# From here on it would be cancelled if it kept replay waiting: for less than it waits
# itself, and for longer than it takes to look.
$standby->append_conf('postgresql.conf', "max_standby_streaming_delay = 30s\n");
$standby->reload;
ok($standby->poll_query_until('postgres', 'SHOW max_standby_streaming_delay', '30s'), 'conflicts are decided');
$answer = start_waiter(sprintf $waits, '4', '2 min');
$primary->safe_psql('postgres', q{
	DELETE FROM users;
	VACUUM users;
	VACUUM pg_attribute;
	BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE; INSERT INTO users VALUES (1); COMMIT;
	SELECT compat_guard.register('app', '4', '{"role": "app", "search_path": "public",
		"relations": {"users": {"columns": {"fax": {}}}}}')});
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', 'SELECT sum(confl_lock + confl_snapshot + confl_bufferpin) FROM pg_stat_database_conflicts'),
	0, 'no conflict with recovery');
is($standby->safe_psql('postgres', q{SELECT compat_guard.ready('app', '2')}), 't', 'readiness arrives');
my $session = $standby->background_psql('postgres', on_error_stop => 0);
$session->query(q{SELECT compat_guard.ready('app', '2')});

# After promotion it guards, in sessions that were open, too, and who waited waits on.
$standby->promote;
$standby->safe_psql('postgres', 'ALTER TABLE users ADD COLUMN fax text');
is($answer->(), "t\n", 'who waited during promotion is answered after it');
like($session->query_until(qr/./, "\\set VERBOSITY sqlstate\n\\echo x\n"), qr/x/, 'a session of the standby');
$session->{stderr} = '';
$session->query('ALTER TABLE users DROP COLUMN note;');
like($session->{stderr}, qr/VG001/, 'is guarded after promotion');
$session->quit;
($status, $stdout, $stderr) = $standby->psql('postgres', 'ALTER TABLE users DROP COLUMN phone');
like($stderr, qr/would break/, 'and so is a new one');

$standby->stop;
$primary->stop;
done_testing();
