# A contract on a table of far more partitions than the lock table has room for; and on
# more tables than that.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('partitions');
$node->init;
$node->append_conf('postgresql.conf', qq{
	max_connections = 10
	max_locks_per_transaction = 10
	max_prepared_transactions = 0
	autovacuum = off
	client_min_messages = warning
});
$node->start;

# In two levels, since each new partition takes as long as those beside it are many.
$node->safe_psql('postgres', q{
	CREATE TABLE log (id int NOT NULL, note text, kind text DEFAULT 'k', at timestamptz, PRIMARY KEY (id))
		PARTITION BY RANGE (id);
	DO $$
	BEGIN
		FOR i IN 0..19 LOOP
			EXECUTE format('CREATE TABLE log_%s PARTITION OF log FOR VALUES FROM (%s) TO (%s) PARTITION BY RANGE (id)',
						   i, i * 1000, i * 1000 + 1000);
			FOR j IN 0..99 LOOP
				EXECUTE format('CREATE TABLE log_%s_%s PARTITION OF log_%s FOR VALUES FROM (%s) TO (%s)',
							   i, j, i, i * 1000 + j, i * 1000 + j + 1);
				IF j % 10 = 9 THEN
					COMMIT;
				END IF;
			END LOOP;
		END LOOP;
	END $$;
});
my ($status, $out, $err) =
  $node->psql('postgres', 'SELECT count(*) FROM log');
like($err, qr/out of shared memory/, 'a query of all partitions needs more locks than there are');

$node->safe_psql('postgres', q{
	CREATE EXTENSION compat_guard;
	CREATE FUNCTION log_of(int) RETURNS SETOF log LANGUAGE sql STABLE AS 'SELECT * FROM log WHERE id = $1';
});

sub register
{
	my ($version) = @_;

	return $node->safe_psql('postgres', qq{
		SELECT status FROM compat_guard.register('app', '$version', '{
			"relations": {"log": {"access": ["select", "insert"], "insert": ["id", "note"],
								  "columns": {"at": {"nullable": true}}}},
			"queries": {"all": "SELECT count(*) FROM log",
						"one": "SELECT note FROM log WHERE id = \$1",
						"function": "SELECT note FROM log_of(\$1)",
						"update": "UPDATE log SET note = \$1 WHERE id = \$2",
						"upsert": "INSERT INTO log (id) VALUES (\$1) ON CONFLICT (id) DO NOTHING"}}')});
}

# The error or warning of a change, "" if it passes without a word.
sub change
{
	my ($ddl) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $ddl);

	$err =~ s/^psql:<stdin>:\d+: //;
	$err =~ s/\n.*//s;
	return $err;
}

is(register('1'), 'ready', 'a version registers');
is(register('2'), 'ready', 'and another one');
is($node->safe_psql('postgres', q{SELECT count(*) FROM compat_guard.check('app', '1') WHERE state <> 'met'}),
	'0', 'it can be checked');

is(change('CREATE TABLE log_new PARTITION OF log FOR VALUES FROM (900000) TO (900001)'), '', 'a partition is made');
is(change('CREATE TABLE log_0_new PARTITION OF log_0 FOR VALUES FROM (999) TO (1000)'), '', 'and one of a partition');
is(change('CREATE INDEX ON log_3_3 (at)'), '', 'a partition gets an index');
is(change('DROP TABLE log_new'), '', 'one goes');
is(change('ALTER TABLE log DETACH PARTITION log_1'), '', 'and many');
like(change('ALTER TABLE log_2_7 ALTER COLUMN at SET NOT NULL'), qr/ERROR.*it is not null in public\.log_2_7/,
	'what matters of a partition is seen');
like(change(q{ALTER TABLE log_2_7 ADD CHECK (note <> 'x')}), qr/WARNING.*log_2_7/, 'a constraint, too');
is(change('ALTER TABLE ONLY log ALTER COLUMN kind DROP DEFAULT'), '', 'the parent alone is changed');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM compat_guard.check('app', '1') AS c
	JOIN compat_guard.requirement_state AS s USING (requirement_id) WHERE s.state <> c.state}),
	'0', 'what is stored is what check() says');

# ---- rows that violate a constraint of a partition ----

$node->safe_psql('postgres', q{INSERT INTO log VALUES (2007, '');});
like(change(q{ALTER TABLE log_2_7 ADD CONSTRAINT filled CHECK (note <> '') NOT VALID}),
	qr/ERROR.*which 1 row violates/, 'rows of a partition are looked at');

# ---- many tables ----

$node->safe_psql('postgres', q{
	DO $$
	BEGIN
		FOR i IN 0..399 LOOP
			EXECUTE format('CREATE TABLE wide_%s (id int PRIMARY KEY, note text)', i);
			IF i % 10 = 9 THEN
				COMMIT;
			END IF;
		END LOOP;
	END $$;
});
is($node->safe_psql('postgres', q{
	SELECT status FROM compat_guard.register('wide', '1', (
		SELECT jsonb_build_object('queries', jsonb_object_agg('q' || i, format('SELECT note FROM wide_%s WHERE id = $1', i)))
		FROM generate_series(0, 399) AS i))}),
	'ready', 'more tables than can be locked at once are verified');

$node->stop;
done_testing();
