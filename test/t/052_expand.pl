# An expansion under load, and what may happen to it on the way: the server is killed,
# rows are locked, two sessions migrate at once, the database is dumped and restored.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\n");
$node->start;

my $up = q{CASE status WHEN 'new' THEN 1 WHEN 'paid' THEN 2 WHEN 'done' THEN 3 END};
my $down = q{CASE status_id WHEN 1 THEN 'new' WHEN 2 THEN 'paid' WHEN 3 THEN 'done' END};
my $rows = 20000;

sub sql { return $node->safe_psql('postgres', $_[0]) }

sub make_table
{
	my ($name) = @_;

	sql(qq{
		CREATE TABLE $name (id integer PRIMARY KEY, note text, status varchar(20) NOT NULL DEFAULT 'new');
		INSERT INTO $name SELECT i, 'n' || i, (ARRAY['new', 'paid', 'done'])[1 + i % 3] FROM generate_series(1, $rows) AS i;
		VACUUM ANALYZE $name});
}

sub expand
{
	my ($name) = @_;

	return sql(qq{SELECT count(*) FROM compat_guard.expand_column('$name', 'status', 'status_id', 'integer',
		\$\$$up\$\$, \$\$$down\$\$, name => '$name')});
}

# Rows that were migrated or written, and whose columns do not agree.
sub wrong
{
	my ($name) = @_;

	return sql(qq{SELECT count(*) FROM $name WHERE status_id IS NOT NULL
		AND ($up) IS DISTINCT FROM status_id AND ($down) IS DISTINCT FROM status});
}

sql('CREATE EXTENSION compat_guard');

#
# Old, new and mixed clients, in every phase.
#
make_table('orders');
my $dir = PostgreSQL::Test::Utils::tempdir;
my %script = (
	old => q{
		\set id random(1, 20000)
		\set r random(1, 3)
		UPDATE orders SET status = (ARRAY['new', 'paid', 'done'])[:r] WHERE id = :id;
		INSERT INTO orders (id, status) VALUES (:id, (ARRAY['new', 'paid', 'done'])[:r]) ON CONFLICT (id) DO UPDATE SET status = EXCLUDED.status;
		SELECT status FROM orders WHERE id = :id;
	},
	new => q{
		\set id random(1, 20000)
		\set r random(1, 3)
		UPDATE orders SET status_id = :r WHERE id = :id;
		INSERT INTO orders (id, status_id) VALUES (:id, :r) ON CONFLICT (id) DO UPDATE SET status_id = EXCLUDED.status_id;
		SELECT status_id FROM orders WHERE id = :id;
	},
	mixed => q{
		\set id random(1, 20000)
		\set r random(1, 3)
		\set q random(1, 3)
		BEGIN;
		UPDATE orders SET status_id = :r, status = (ARRAY['new', 'paid', 'done'])[:q] WHERE id = :id;
		UPDATE orders SET note = note WHERE id = :id;
		SAVEPOINT s;
		DELETE FROM orders WHERE id = :id;
		ROLLBACK TO s;
		END;
	});
append_to_file("$dir/$_.sql", $script{$_}) foreach keys %script;

sub clients
{
	my (@names) = @_;
	my $out = '';

	my $h = IPC::Run::start(
		[ 'pgbench', '-n', '-c', '3', '-T', '600', '--max-tries=1', (map { ('-f', "$dir/$_.sql") } @names),
			'-h', $node->host, '-p', $node->port, 'postgres' ],
		'>', \$out, '2>&1');
	return { handle => $h, out => \$out };
}

# They run until they are ended; pgbench ends at once if a client gets an error.
sub end_clients
{
	my ($clients, $what) = @_;

	my $running = $clients->{handle}->pumpable;
	$clients->{handle}->kill_kill(grace => 1);
	ok($running, "$what: no client error") or diag ${ $clients->{out} };
	unlike(${ $clients->{out} }, qr/ERROR|aborted/, "$what: none reported");
}

my $written = sub { sql(q{SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'orders'}) };
sub wait_for_writes
{
	my $before = $written->();
	$node->poll_query_until('postgres', "SELECT n_tup_upd > $before + 300 FROM pg_stat_user_tables WHERE relname = 'orders'")
	  or die 'clients do not write';
}

sql(q{SELECT compat_guard.register('shop', 'v1', '{"queries": {"write": "UPDATE orders SET status = $1 WHERE id = $2"}}')});
my $old = clients('old');
wait_for_writes();
is(expand('orders'), 6, 'expanded under load');
is(sql(q{SELECT status FROM compat_guard.register('shop', 'v2', '{"queries": {"write": "UPDATE orders SET status_id = $1 WHERE id = $2"}}')}),
	'ready', 'the new version can be deployed');
my $new = clients('new', 'mixed');
wait_for_writes();
is(wrong('orders'), 0, 'expanded: all rows that were written agree');
is(sql(q{CALL compat_guard.backfill('orders', 200)}), 't', 'migrated under load');
is(sql(q{SELECT unmigrated + disagreeing + failing FROM compat_guard.verify_expansion('orders')}), 0, 'all rows agree');
wait_for_writes();
is(sql(q{SELECT unmigrated + disagreeing + failing FROM compat_guard.verify_expansion('orders')}), 0, 'and go on to');
my ($ret, $stdout, $stderr) = $node->psql('postgres', q{CALL compat_guard.contract('orders')});
like($stderr, qr/column "status" of table public\.orders is still needed\nDETAIL:  It is needed by shop v1\./, 'contract waits for v1');
end_clients($old, 'old clients');
end_clients($new, 'new and mixed clients');
sql(q{SELECT compat_guard.retire('shop', 'v1')});
$new = clients('new');
wait_for_writes();
sql(q{SET client_min_messages = error; CALL compat_guard.contract('orders')});
wait_for_writes();
end_clients($new, 'new clients in the contract phase');
is(sql(q{SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum > 0 AND NOT attisdropped}),
	'id note status_id', 'contracted under load');
is(sql('SELECT count(*), count(status_id) FROM orders'), "$rows|$rows", 'no row is lost');

#
# A row that a client has locked is left for later; two sessions migrate at once.
#
make_table('locked');
expand('locked');
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN');
$locker->query_safe('SELECT * FROM locked WHERE id IN (7, 15000) FOR UPDATE');
my @sessions = map {
	my $out = '';
	my $h = IPC::Run::start([ 'psql', '-XAt', '-h', $node->host, '-p', $node->port, '-c', q{CALL compat_guard.backfill('locked', 100)}, 'postgres' ],
		'>', \$out, '2>&1');
	{ handle => $h, out => \$out };
} 1 .. 2;
$node->poll_query_until('postgres', "SELECT count(*) = 2 FROM locked WHERE status_id IS NULL")
  or die 'not migrated around the locked rows';
is(sql('SELECT min(id), max(id) FROM locked WHERE status_id IS NULL'), '7|15000', 'all rows but those that are locked');
$locker->query_safe('COMMIT');
$locker->quit;
$_->{handle}->finish foreach @sessions;
is(sql(q{SELECT count(*) FROM locked WHERE status_id IS NULL}) . ' ' . wrong('locked'), '0 0', 'they come back');
($ret, $stdout, $stderr) = $node->psql('postgres', q{CALL compat_guard.backfill('locked', 100)});
is($stdout, 't', 'two sessions at once, and once more');
is(sql(q{SELECT rows_done FROM compat_guard.expansions WHERE name = 'locked'}), 0, 'nothing was left to write');

#
# abandon() in the middle of a batch, which has the table and then wants the expansion's row.
#
sql(q{CREATE TABLE slow (a text);
	INSERT INTO slow SELECT i FROM generate_series(1, 50) AS i;
	CREATE FUNCTION slow_up(a text) RETURNS integer LANGUAGE plpgsql STABLE AS $$
	BEGIN
		IF current_setting('application_name') = 'slow' THEN
			PERFORM pg_sleep(0.02);
		END IF;
		RETURN a::integer;
	END $$;
	SELECT compat_guard.expand_column('slow', 'a', 'b', 'integer', 'slow_up(a)', 'b::text', name => 'slow')});
my $slow_out = '';
my $slow = IPC::Run::start([ 'psql', '-XAt', '-h', $node->host, '-p', $node->port, '-c', q{SET application_name = slow},
		'-c', q{CALL compat_guard.backfill('slow', 100)}, 'postgres' ],
	'>', \$slow_out, '2>&1');
$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_locks WHERE relation = 'slow'::regclass AND mode = 'RowExclusiveLock'})
  or die 'no batch';
($ret, $stdout, $stderr) = $node->psql('postgres', q{SELECT compat_guard.abandon('slow')});
is("$ret$stderr", '0', 'abandoned in the middle of a batch');
$slow->finish;
is(sql(q{SELECT phase FROM compat_guard.expansions WHERE name = 'slow'}), 'abandoned', 'for good');

#
# Killed in the middle, then cancelled; it goes on from there.
#
make_table('crashed');
expand('crashed');
sub start_slowly
{
	my $h = IPC::Run::start([ 'psql', '-XAt', '-h', $node->host, '-p', $node->port, '-c', q{CALL compat_guard.backfill('crashed', 100, '5 ms')}, 'postgres' ],
		'>', \my $out, '2>&1');
	my $before = sql(q{SELECT rows_done FROM compat_guard.expansions WHERE name = 'crashed'});
	$node->poll_query_until('postgres', "SELECT rows_done > $before + 500 AND phase = 'backfilling' FROM compat_guard.expansions WHERE name = 'crashed'")
	  or die 'no progress is seen';
	return $h;
}
my $h = start_slowly();
$node->stop('immediate');
$h->finish;
$node->start;
ok(sql('SELECT count(*) FROM crashed WHERE status_id IS NULL') > 0, 'killed: not all rows are migrated');
is(wrong('crashed'), 0, 'killed: those that are agree');
foreach my $function ('pg_cancel_backend', 'pg_terminate_backend')
{
	$h = start_slowly();
	sql("SELECT $function(pid) FROM pg_stat_activity WHERE query LIKE 'CALL compat_guard.backfill%'");
	$h->finish;
	ok(sql('SELECT count(*) FROM crashed WHERE status_id IS NULL') > 0, "$function: not all rows are migrated");
	is(wrong('crashed'), 0, "$function: those that are agree");
}
is(sql(q{CALL compat_guard.backfill('crashed')}), 't', 'it goes on to the end');

#
# A row for which up fails does not keep the rest from being migrated.
#
sql(q{
	CREATE TABLE texts (id integer PRIMARY KEY, a text);
	INSERT INTO texts SELECT i, i FROM generate_series(1, 1000) AS i;
	SELECT compat_guard.expand_column('texts', 'a', 'b', 'integer', 'a::integer', 'b::text', name => 'texts');
	ALTER TABLE texts DISABLE TRIGGER USER;
	UPDATE texts SET a = 'bad' WHERE id = 500;
	ALTER TABLE texts ENABLE ALWAYS TRIGGER "~~~compat_guard_texts"});
($ret, $stdout, $stderr) = $node->psql('postgres', q{CALL compat_guard.backfill('texts')});
is($stdout, 'f', 'a row for which up fails: not migrated');
like($stderr, qr/for 1 up fails, and in 0 the columns disagree, such as id = 500\./, 'it is named');
is(sql('SELECT count(*) FROM texts WHERE b IS NULL'), 1, 'the rest is migrated');
is(sql(q{SELECT phase, rows_failed FROM compat_guard.expansions WHERE name = 'texts'}), 'backfilling|1', 'and it is counted');
sql(q{UPDATE texts SET a = '500' WHERE id = 500});
is(sql(q{CALL compat_guard.backfill('texts')}), 't', 'once it is corrected, all is migrated');

#
# A dump in the middle has the column, the trigger and how far it is.
#
sql(q{
	CREATE TABLE half (id integer PRIMARY KEY, a text);
	INSERT INTO half SELECT i, i FROM generate_series(1, 100) AS i;
	SELECT compat_guard.expand_column('half', 'a', 'b', 'integer', 'a::integer', 'b::text', name => 'half')});
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/dump", $node->connstr('postgres') ], 'dump');
sql('CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('restored'), "$dir/dump" ], 'restore');
is($node->safe_psql('restored', q{SELECT relation, phase, damage IS NULL FROM compat_guard.expansions WHERE name IN ('half', 'texts') ORDER BY name}),
	"half|expanded|t\ntexts|switched|t", 'the expansions are there');
is($node->safe_psql('restored', q{UPDATE half SET a = '77' WHERE id = 1 RETURNING b}), '77', 'both columns are written');
is($node->safe_psql('restored', q{CALL compat_guard.backfill('half')}), 't', 'and the migration goes on');
is($node->safe_psql('restored', q{CALL compat_guard.contract('half'); SELECT b FROM half WHERE id = 1}), '77', 'to its end');

$node->stop;
done_testing();
