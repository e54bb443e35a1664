# What the hook would have done is done for the very statement that loads the
# library, too: its own text without secrets, judgement statement by statement;
# and for what autovacuum runs, which has no client.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('first_statement');
$node->init;
$node->append_conf('postgresql.conf', qq{
client_min_messages = warning
autovacuum_naptime = 1
log_min_messages = warning
restart_after_crash = on
});
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION compat_guard;
	CREATE TABLE t (a int, b text);
	CREATE TABLE other (a int);
	CREATE ROLE app;
	CREATE FOREIGN DATA WRAPPER wrapper;
	SELECT compat_guard.register('app', '1', '{"queries": {"q": "SELECT b FROM t"}}');
});

# Runs sql in one message, the first of a session; returns stdout and stderr.
sub first
{
	my ($sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', '', extra_params => [ '-c', $sql ]);

	return ($out, $err);
}

# The statements of the newest entry of the journal.
sub kept
{
	return $node->safe_psql('postgres',
		"SELECT array_to_string(statements, ' | ') FROM compat_guard.journal ORDER BY at DESC LIMIT 1");
}

# ---- the statement alone, though it came with others ----

first("/* licence */ ALTER TABLE other ADD COLUMN b int; /* two */ ALTER TABLE other ADD COLUMN c int; CREATE TABLE made AS SELECT 1 AS a;");
is(kept(), 'ALTER TABLE other ADD COLUMN b int | ALTER TABLE other ADD COLUMN c int | CREATE TABLE made AS SELECT 1 AS a',
	'of several statements each by itself');
first("-- remark\nCREATE TABLE made_2 AS SELECT 1 AS a; SELECT 1;");
is(kept(), 'CREATE TABLE made_2 AS SELECT 1 AS a', 'one with a query');
first("DO \$\$ BEGIN ALTER TABLE other ADD COLUMN d int; END \$\$;");
is(kept(), "DO \$\$ BEGIN ALTER TABLE other ADD COLUMN d int; END \$\$", 'what runs it, where it is run');

# ---- no secrets ----

first("CREATE SERVER s FOREIGN DATA WRAPPER wrapper OPTIONS (password 'Geheim'); ALTER TABLE other ADD COLUMN e int;");
is(kept(), "CREATE SERVER s FOREIGN DATA WRAPPER wrapper OPTIONS (password '***') | ALTER TABLE other ADD COLUMN e int", 'beside a statement with a secret');
first("CREATE FOREIGN TABLE f (a int) SERVER s OPTIONS (k 'Geheim')");
is(kept(), "CREATE FOREIGN TABLE f (a int) SERVER s OPTIONS (k '***')", 'one with a secret');
first("DO \$\$ BEGIN CREATE ROLE r PASSWORD 'Geheim'; ALTER TABLE other ADD COLUMN f int; END \$\$");
is(kept(), "DO '***'", 'run by what holds a secret');
first("DO \$\$ BEGIN EXECUTE 'CREATE FOREIGN TABLE f2 (a int) SERVER s OPTIONS (k ''Geheim'')'; END \$\$");
unlike(kept(), qr/Geheim/, 'run by what holds its secret');
is($node->safe_psql('postgres', "SELECT count(*) FROM compat_guard.journal AS j WHERE j::text ~ 'Geheim'"), 0,
	'no secret anywhere');

# ---- compat_guard.verify = statement ----

my ($out, $err) = first("SET compat_guard.verify = statement; BEGIN; ALTER TABLE t RENAME b TO c; SELECT 'went on'; ALTER TABLE t RENAME c TO b; COMMIT;");
like($err, qr/VG001|would break/, 'the first statement is judged');
unlike($out, qr/went on/, 'at its end');
($out, $err) = first("SET compat_guard.verify = statement; BEGIN; DO \$\$ BEGIN ALTER TABLE t RENAME b TO c; ALTER TABLE t RENAME c TO b; END \$\$; SELECT 'went on'; COMMIT;");
is($err, '', 'by the net effect of what the client sent');
like($out, qr/went on/, 'and it goes on');
($out, $err) = first("BEGIN; ALTER TABLE t RENAME b TO c; SELECT 'went on'; ALTER TABLE t RENAME c TO b; COMMIT;");
is($err, '', 'by default at the end of the transaction');

# ---- a statement that fails, and is caught, is over ----

($out, $err) = first(q{
	DO $$ BEGIN
		BEGIN ALTER TABLE missing ADD COLUMN a int; EXCEPTION WHEN undefined_table THEN NULL; END;
		BEGIN ALTER TABLE other ADD COLUMN a int; EXCEPTION WHEN duplicate_column THEN NULL; END;
		ALTER TABLE other ADD COLUMN g int;
	END $$;
});
is(kept(), 'ALTER TABLE other ADD COLUMN g int', 'it is not taken for the next one');

# ---- what autovacuum runs ----

foreach my $preload ('', 'compat_guard')
{
	my $what = $preload ? 'preloaded' : 'loaded by the event trigger';

	$node->append_conf('postgresql.conf', "shared_preload_libraries = '$preload'\n");
	$node->restart;
	$node->safe_psql('postgres', q{
		CREATE TABLE trap (a int) WITH (autovacuum_enabled = off, autovacuum_analyze_threshold = 1, autovacuum_analyze_scale_factor = 0);
		CREATE FUNCTION ix(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END';
		CREATE INDEX ON trap (ix(a));
		INSERT INTO trap SELECT generate_series(1, 100);
		CREATE FUNCTION act() RETURNS void LANGUAGE plpgsql AS $$
		BEGIN
			IF EXISTS (SELECT FROM pg_stat_activity WHERE pid = pg_backend_pid() AND backend_type = 'autovacuum worker') AND
				EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'public.t'::regclass AND attname = 'b' AND NOT attisdropped) THEN
				EXECUTE 'ALTER TABLE public.t DROP COLUMN b';
			END IF;
		END $$;
		CREATE OR REPLACE FUNCTION ix(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM public.act(); RETURN $1; END';
	});
	my $blocked = "SELECT count(*) FROM compat_guard.journal WHERE verdict = 'blocked' AND application_name = ''";
	my $before = $node->safe_psql('postgres', $blocked);

	$node->safe_psql('postgres', q{ALTER TABLE trap SET (autovacuum_enabled = on); DELETE FROM trap WHERE a > 50;});
	ok($node->poll_query_until('postgres', "SELECT ($blocked) > $before"), "blocked in autovacuum, $what");
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'b' AND NOT attisdropped"), 1,
		"and not done, $what");
	$node->safe_psql('postgres', 'ALTER TABLE trap SET (autovacuum_enabled = off); DROP TABLE trap; DROP FUNCTION ix, act');
}

# Its own drop of orphaned temporary tables is nobody's business.
my $temp = $node->background_psql('postgres', on_error_stop => 0);
$temp->query('CREATE TEMP TABLE orphan (a int)');
my $pid = $temp->query('SELECT pg_backend_pid()');
my $before = $node->safe_psql('postgres', 'SELECT count(*) FROM compat_guard.journal');
kill 9, $pid;
$node->poll_query_until('postgres', 'SELECT true');
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_class WHERE relname = 'orphan'"),
	'an orphaned temporary table goes');
is($node->safe_psql('postgres', 'SELECT count(*) FROM compat_guard.journal'), $before, 'unnoticed');
eval { $temp->quit };

$node->stop;
done_testing();
