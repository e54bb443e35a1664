# On a hot standby the questions work, and nothing is written.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->start;
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
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
			"lock": "SELECT id FROM users FOR UPDATE"}}');
	SELECT compat_guard.register('app', '2', '{"role": "app", "search_path": "public",
		"relations": {"users": {"columns": {"phone": {}}}}}');
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

# Locks that DML takes cannot be had on a standby: such a query is not decided
# there, and never called broken.
my $check = q{SELECT kind, object, state FROM compat_guard.check('app', '1') ORDER BY 1, 2, 3};
my $on_standby = $standby->safe_psql('postgres', $check);
unlike($on_standby, qr/unmet/, 'check: nothing is called broken');
like($on_standby, qr/^query\|read\|met$/m, 'check: a query that reads');
like($on_standby, qr/^unique\|users \(email\)\|met$/m, 'check: a unique index');
same('check: a version that is not ready', q{SELECT * FROM compat_guard.check('app', '2')});
same('ready', q{SELECT compat_guard.ready('app', '1'), compat_guard.ready('app', '2')});
same('unmet', q{SELECT * FROM compat_guard.unmet WHERE state = 'unmet'});
same('compatibility', q{SELECT app, version FROM compat_guard.compatibility WHERE state = 'unmet'});

# An instance that starts against a standby finds itself registered.
same('register of what is known', q{SELECT compat_guard.register('app', '2', '{"role": "app", "search_path": "public",
		"relations": {"users": {"columns": {"phone": {}}}}}')});
my ($status, $stdout, $stderr) = $standby->psql('postgres', q{SELECT compat_guard.register('app', '3', '{}')});
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
$primary->safe_psql('postgres', 'ALTER TABLE users ADD COLUMN phone text');
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', q{SELECT compat_guard.ready('app', '2')}), 't', 'readiness arrives');
my $session = $standby->background_psql('postgres', on_error_stop => 0);
$session->query(q{SELECT compat_guard.ready('app', '2')});

# After promotion it guards, in sessions that were open, too.
$standby->promote;
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
