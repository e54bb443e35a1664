# Contracts learned from traffic: a session says by a setting, or by its application_name,
# which version it is, and what it sends is protected.  Nothing that goes wrong in that
# is an error in the application, and none of its data is stored.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('learning');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', q{
restart_after_crash = on
client_min_messages = warning
max_prepared_transactions = 10
compat_guard.application_name_pattern = 'svc:%a@%v'
});
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_stat_statements,compat_guard'\n");
$node->start;

$node->safe_psql('postgres', q{
	CREATE EXTENSION compat_guard;
	CREATE EXTENSION pg_stat_statements;
	CREATE ROLE billing LOGIN;
	CREATE ROLE billing_ro;
	GRANT billing_ro TO billing;
	CREATE ROLE shop LOGIN;
	CREATE ROLE stranger LOGIN;
	ALTER ROLE billing SET compat_guard.learn = on;
	ALTER ROLE shop SET compat_guard.learn = on;
	ALTER ROLE stranger SET compat_guard.learn = on;
	CREATE TYPE mood AS ENUM ('sad', 'happy');
	CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE, note varchar(20), age int, feels mood, doc jsonb);
	CREATE SEQUENCE invoice_no;
	GRANT ALL ON users, invoice_no TO billing, shop, stranger;
	GRANT SELECT ON users TO billing_ro;
	GRANT CREATE ON SCHEMA public TO billing;
	SELECT compat_guard.entrust('billing');
	SELECT compat_guard.entrust('shop')});

# A connection of a role, of which the options are those of its connection string.
sub connection
{
	my ($role, $options, $name) = @_;

	my $string = $node->connstr('postgres') . " user=$role options='$options'";
	$string .= " application_name='$name'" if defined $name;
	return $string;
}

sub is_version
{
	my ($app, $version) = @_;

	return "-c compat_guard.app=$app -c compat_guard.version=$version";
}

# Send statements; return what the client sees of errors and warnings.
sub sends
{
	my ($connection, $sql) = @_;
	my ($status, $stdout, $stderr) =
		$node->psql('postgres', $sql, connstr => $connection, on_error_stop => 0);
	return $stderr;
}

sub value { return $node->safe_psql('postgres', $_[0]) }

sub learned
{
	my ($version) = @_;
	return value("SELECT statement || ' ' || params FROM compat_guard.learned
		WHERE version = '$version' ORDER BY (statement || ' ' || params) COLLATE \"C\"");
}

sub becomes
{
	my ($sql, $expected, $name) = @_;
	ok($node->poll_query_until('postgres', $sql, $expected), $name)
		or diag("it is: " . value($sql));
}

# ---- one change of the connection string ----

my $one = connection('billing', is_version('billing', '1'));
my $held = IPC::Run::start([ 'psql', '-XAtq', '-d', $one ], '<', \my $in, '>', \my $out, '2>', \my $err);
$in .= "SELECT email FROM users WHERE id = 4711 AND note = 'private';\n";
$held->pump while length $in;
becomes(q{SELECT statement FROM compat_guard.learned},
	'SELECT email FROM users WHERE id = $1 AND note = $2', 'a statement is learned');
is(value(q{SELECT app, version, live, live_by, sessions, status, owner FROM compat_guard.versions}),
	'billing|1|t|session|1|ready|billing', 'and its session is attached');
is(value(q{SELECT type, running, role FROM compat_guard.instances}), 'session|t|billing', 'as the views tell');

my ($status, $stdout, $stderr) = $node->psql('postgres', 'ALTER TABLE users DROP COLUMN note');
like($stderr, qr/schema change would break billing 1: query/, 'what it needs is protected');
like($stderr, qr/SELECT email FROM users WHERE id = \$1 AND note = \$2/, 'and the statement is named');
is(value(q{SELECT count(*) FROM compat_guard.requirement WHERE expected::text ~ 'private|4711'}), '0',
	'no constant is stored');

value(q{SELECT compat_guard.set_policy('learned', 'warn', 'billing')});
($status, $stdout, $stderr) = $node->psql('postgres', 'BEGIN; ALTER TABLE users DROP COLUMN note; COMMIT; ALTER TABLE users ADD note varchar(20)');
like($stderr, qr/WARNING/, 'a policy makes that a warning');
value(q{SELECT compat_guard.set_policy('learned', NULL, 'billing')});

$in .= "\\q\n";
$held->finish;
becomes(q{SELECT live FROM compat_guard.versions}, 'f', 'the version ends with its sessions');
becomes(q{SELECT calls || ' ' || sessions FROM compat_guard.learned}, '1 1', 'calls are counted when they end');
is(sends($one, q{SELECT email FROM users WHERE id = 1 AND note = 'x'}), '', 'another session');
becomes(q{SELECT calls || ' ' || sessions FROM compat_guard.learned}, '2 2', 'adds its evidence');

# ---- how texts are learned ----

is(sends(connection('billing', is_version('billing', '2')), q{
	SELECT id /* secret */ FROM users WHERE id IN (1, 2, 3) ORDER BY 1;
	SELECT id FROM users WHERE id IN (1, 2, 3, 4, 5) ORDER BY 1;
	INSERT INTO users (id, email) VALUES (-1, 'secret'), (2, NULL) ON CONFLICT (id) DO NOTHING;
	SELECT doc ->> 'secret', count(*) FROM users GROUP BY doc ->> 'secret' ORDER BY doc ->> 'secret';
	SELECT age + 5 FROM users GROUP BY age + 5;
	SELECT nextval('invoice_no');
	SELECT id FROM users WHERE feels = 'sad' AND now() > timestamp '2020-01-01' LIMIT 3;
	PREPARE q(int) AS SELECT email FROM users WHERE id = $1 AND age > 18;
	EXECUTE q(1);
	BEGIN; DECLARE c CURSOR FOR SELECT note FROM users WHERE email LIKE 'secret%'; FETCH c; COMMIT;
	COPY (SELECT age FROM users WHERE id = 42) TO STDOUT;
	BEGIN READ ONLY; SELECT email, age FROM users; COMMIT;
	BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT email, id FROM users; COMMIT;
	SELECT 1; SELECT relname FROM pg_class LIMIT 0;
	DO $$BEGIN PERFORM count(*) FROM users; END$$;
	SET ROLE billing_ro; SELECT age FROM users; RESET ROLE;
	CREATE TEMP TABLE users (a int); SELECT a FROM users; DROP TABLE users;
	SELECT 1 / (id - id) FROM users WHERE id = -1;
	UPDATE users SET note = NULL, email = lower(email) WHERE id = 77 AND true;
	SELECT interval '1' day + now() FROM users; }),
	'psql:<stdin>:19: ERROR:  division by zero', 'no error but the statement\'s own');
becomes(q{SELECT statements FROM compat_guard.learning WHERE version = '2'}, '14', 'all are learned');
is(learned('2'), join("\n", sort(
	'INSERT INTO users (id, email) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING ["integer", "text"]',
	'SELECT $1 / (id - id) FROM users WHERE id = $2 ["integer", "integer"]',
	'SELECT age + $1 FROM users GROUP BY age + $1 ["integer"]',
	'SELECT age FROM users []',
	'SELECT age FROM users WHERE id = $1 ["integer"]',
	'SELECT doc ->> $1, count(*) FROM users GROUP BY doc ->> $1 ORDER BY doc ->> $1 ["text"]',
	'SELECT email FROM users WHERE id = $1 AND age > $2 ["integer", "integer"]',
	'SELECT email, age FROM users []',
	'SELECT email, id FROM users []',
	'SELECT id FROM users WHERE feels = $1 AND now() > $2 LIMIT $3 ["mood", "timestamp without time zone", "integer"]',
	'SELECT id FROM users WHERE id IN ($1) ORDER BY 1 ["integer"]',
	q{SELECT nextval('invoice_no') []},
	'SELECT note FROM users WHERE email LIKE $1 ["text"]',
	'UPDATE users SET note = NULL, email = lower(email) WHERE id = $1 AND $2 ["integer", "boolean"]')),
	'their texts have no constants');
is(value(q{SELECT unlearned FROM compat_guard.learning WHERE version = '2'}),
	'{"temporary": 1, "not_understood": 1}', 'what is not learned is counted');
is(value(q{SELECT role FROM compat_guard.learned WHERE statement = 'SELECT age FROM users'}),
	'billing_ro', 'the role is the one that counted');
is(value(q{SELECT count(*) FROM compat_guard.requirement WHERE expected::text ~ 'secret'}), '0', 'no data is stored');

# Numbers and strings of an expression that is there twice, of which analysis keeps one.
is(sends(connection('billing', is_version('billing', 'twice')), q{
	SELECT coalesce(age, 4711) FROM users ORDER BY coalesce(age, 4711), 1;
	SELECT coalesce(age, -4711) FROM users GROUP BY coalesce(age, -4711);
	SELECT array_agg(coalesce(age, 4711) ORDER BY coalesce(age, 4711)) FROM users;
	SELECT rank() OVER (ORDER BY substr(note, 4711, 1)), substr(note, 4711, 1) FROM users;
	SELECT now() + interval '4711 day', id FROM users GROUP BY now() + interval '4711 day', id;
	SELECT age::numeric(10, 2) FROM users GROUP BY GROUPING SETS ((1), ());
	SELECT id FROM users WHERE age > -(4711);
	SELECT age FROM users WHERE id > - -4711;
	EXPLAIN SELECT note, age FROM users;
	SELECT note, age FROM users;
	COPY (SELECT age, id FROM users) TO STDOUT WITH (FORMAT csv, DELIMITER ';') }), '', 'expressions that are there twice');
becomes(q{SELECT statements FROM compat_guard.learning WHERE version = 'twice'}, '8', 'are learned');
is(learned('twice'), join("\n", sort(
	'SELECT age, id FROM users []',
	'SELECT age::numeric(10, 2) FROM users GROUP BY GROUPING SETS ((1), ()) []',
	'SELECT array_agg(coalesce(age, $1) ORDER BY coalesce(age, $1)) FROM users ["integer"]',
	'SELECT coalesce(age, $1) FROM users GROUP BY coalesce(age, $1) ["integer"]',
	'SELECT coalesce(age, $1) FROM users ORDER BY coalesce(age, $1), 1 ["integer"]',
	'SELECT note, age FROM users []',
	'SELECT now() + $1, id FROM users GROUP BY now() + $1, id ["interval"]',
	'SELECT rank() OVER (ORDER BY substr(note, $1, $2)), substr(note, $1, $2) FROM users ["integer", "integer"]')),
	'without a constant in either place');
is(value(q{SELECT unlearned FROM compat_guard.learning WHERE version = 'twice'}), '{"not_understood": 2}',
	'a minus before a parenthesis or a minus is not understood');
value(q{SELECT compat_guard.forget('billing', 'twice')});

# ---- documents ----

is(value(q{SELECT jsonb_object_keys(compat_guard.adopt('billing', '1') -> 'queries') ~ '^SELECT email FROM users.*#[0-9a-f]{8}$'}),
	't', 'adopt() makes a contract');
is(value(q{SELECT count(*) FROM compat_guard.validate(compat_guard.adopt('billing', '2'))}), '0', 'that is valid');
is(value(q{SELECT change, learned, count(*) FROM compat_guard.compare('billing', '1', '2') GROUP BY 1, 2 ORDER BY 1}),
	"came|t|14\nwent|t|1", 'compare() tells what came and went');
is(value(q{SELECT status, unmet FROM compat_guard.register('adopted', '1',
	compat_guard.merge('{"queries": {"mine": "SELECT age FROM users"}}', compat_guard.adopt('billing', '1')))}),
	'ready|0', 'what is merged can be registered');

# ---- who may ----

is(sends(connection('stranger', is_version('billing', '9')), 'SELECT id FROM users'), '', 'a stranger gets no error');
is(sends(connection('shop', is_version('billing', '9')), 'SELECT id FROM users'), '', 'nor the owner of another app');
is(sends(connection('billing', is_version('x' x 5000, '9')), 'SELECT id FROM users'), '', 'nor a long name');
is(sends($one, qq{SET compat_guard.version = E'1\\n2'; SELECT email FROM users}), '', 'nor a name with a line break');
is(sends($one, qq{SET compat_guard.version = '7'; SELECT email FROM users}), '', 'a session that changes its version');
becomes(q{SELECT string_agg(version, ' ' ORDER BY version) FROM compat_guard.versions WHERE app = 'billing'}, '1 2 7',
	'only what may be is registered');
becomes(q{SELECT ignored_sessions FROM compat_guard.learning_counts()}, '4', 'sessions that are ignored are counted');
like(slurp_file($node->logfile), qr/ignores that the session is version "9" of app "billing": its role is not entrusted/,
	'and told of in the log');
like(slurp_file($node->logfile), qr/the app belongs to another role/, 'with the reason');

# ---- application_name ----

is(sends(connection('shop', '', 'svc:shop@3'), 'SELECT id FROM users'), '', 'by application_name');
becomes(q{SELECT live, live_by, leases FROM compat_guard.versions WHERE app = 'shop'}, 't|lease|1', 'a version lives by a lease');
becomes(q{SELECT statement FROM compat_guard.learned WHERE app = 'shop'}, 'SELECT id FROM users', 'and learns');

# A pooler gives a connection to one client and then to another.
is(sends(connection('shop', '', "svc:shop\@$_"), 'SELECT email FROM users'), '', 'a client') for 4, 5;
becomes(q{SELECT count(*) FROM compat_guard.learned WHERE app = 'shop' AND version IN ('4', '5')}, '2', 'of each version');
is(sends(connection('shop', '', 'svc:shop@4'), q{SELECT email FROM users;
	SET application_name = 'svc:shop@5'; SELECT email FROM users;
	SET application_name = 'svc:shop@4'; SELECT email FROM users;
	SET application_name = 'psql'; SELECT email FROM users;
	SET application_name = 'svc:shop@5'; SELECT email FROM users;
	SET application_name = 'svc:shop@4'; SELECT email FROM users;
	SET application_name = 'psql'}), '', 'a connection that is passed on');
becomes(q{SELECT string_agg(version || ': ' || calls || ' ' || sessions, ', ' ORDER BY version)
	FROM compat_guard.learned WHERE app = 'shop' AND version IN ('4', '5')}, '4: 4 2, 5: 3 2',
	'counts the calls of each client');

# Somebody has locked the registry.
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK TABLE compat_guard.app');
is(sends(connection('billing', is_version('billing', '1') . ' -c statement_timeout=5s'), 'SELECT id FROM users'), '',
	'a session does not wait for a lock of the registry');
$locker->quit;
like(slurp_file($node->logfile), qr/version "1" of app "billing": the registry is locked/, 'but is ignored');

# ---- a declared contract beside ----

is(sends($one, q{SELECT status FROM compat_guard.register('billing', '1', '{"relations": {"users": {"columns": {"age": {}}}}}')}),
	'', 'a version that was learned can register its contract');
is(value(q{SELECT requirements - (SELECT count(*) FROM compat_guard.learned AS l WHERE l.app = v.app AND l.version = v.version)
	FROM compat_guard.versions AS v WHERE app = 'billing' AND version = '1'}), '2',
	'beside which what was learned stays');
value(q{SELECT compat_guard.forget('billing', '2')});
is(value(q{SELECT count(*) FROM compat_guard.learned WHERE version = '2'}), '0', 'what is forgotten is forgotten');

# ---- bounds ----

$node->safe_psql('postgres', 'ALTER SYSTEM SET compat_guard.learn_max_statements = 5');
$node->restart;
is(sends(connection('billing', is_version('billing', 'many')),
	join('', map { "SELECT id" . " + id" x $_ . " FROM users;\n" } 1 .. 20) . 'SELECT id FROM users WHERE email <> \'' . 'x' x 300000 . "'"), '', 'endless statements');
becomes(q{SELECT statements, incomplete, unlearned FROM compat_guard.learning WHERE version = 'many'},
	'5|t|{"too_long": 1, "too_many": 15}', 'are capped, and the version is incomplete');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET compat_guard.learn_max_statements');

# ---- hooks, query ids, two-phase ----

$node->safe_psql('postgres', 'ALTER SYSTEM SET compute_query_id = off');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'compat_guard,pg_stat_statements'\n");
$node->restart;
is(sends(connection('billing', is_version('billing', 'off')), q{
	SELECT age FROM users WHERE id = 1;
	BEGIN; SELECT note FROM users; PREPARE TRANSACTION 'p'; COMMIT PREPARED 'p';
	SELECT age FROM users WHERE id = 2}), '', 'without query ids, and in a transaction that is prepared');
becomes(q{SELECT string_agg(statement || ' ' || calls, ', ' ORDER BY statement) FROM compat_guard.learned WHERE version = 'off'},
	'SELECT age FROM users WHERE id = $1 2, SELECT note FROM users 1', 'statements are learned');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET compute_query_id');
$node->restart;

# ---- crash, no worker ----

$node->safe_psql('postgres', 'ALTER SYSTEM SET max_worker_processes = 0');
$node->restart;
is(sends(connection('billing', is_version('billing', 'noworker')), 'SELECT age FROM users'), '', 'without worker processes');
is(value(q{SELECT waiting_bytes > 0, lost FROM compat_guard.learning_counts()}), 't|0', 'messages wait');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET max_worker_processes');
$node->stop('immediate');
$node->start;
is(value(q{SELECT count(*) FROM compat_guard.versions WHERE version = 'noworker'}), '0', 'and are gone with the server');
is(sends(connection('billing', is_version('billing', 'noworker')), 'SELECT age FROM users'), '', 'the next session');
becomes(q{SELECT statement FROM compat_guard.learned WHERE version = 'noworker'}, 'SELECT age FROM users', 'tells it again');

# ---- standby ----

$node->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('learning_standby');
$standby->init_from_backup($node, 'b', has_streaming => 1);
$standby->start;
my ($s, $o, $e) = $standby->psql('postgres', 'SELECT email, note, age FROM users',
	connstr => $standby->connstr('postgres') . " user=billing options='" . is_version('billing', 'standby') . "'");
is("$s$e", '0', 'on a standby nothing is done');
$standby->stop;
is(value(q{SELECT count(*) FROM compat_guard.versions WHERE version = 'standby'}), '0', 'and nothing is stored');

done_testing();
