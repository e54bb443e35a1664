# Where storage that a transaction has made is not logged (wal_level = minimal), a preview
# in that transaction leaves the relation cache as it was.  The server asserts that at
# COMMIT, if it was built with assertions.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('minimal');
$node->init;
$node->append_conf('postgresql.conf', q{
	wal_level = minimal
	max_wal_senders = 0
	session_preload_libraries = compat_guard
});
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION compat_guard;
	CREATE TABLE t (id int PRIMARY KEY, a int);
	INSERT INTO t SELECT g, g FROM generate_series(1, 1000) AS g;
});
is($node->safe_psql('postgres', q{
	SET compat_guard.large_relation = 0;
	SET compat_guard.mode = off;
	BEGIN;
	REINDEX INDEX t_pkey;
	SELECT rule FROM compat_guard.preview('CREATE INDEX ON t (a)');
	INSERT INTO t VALUES (1001, 1);
	COMMIT;
}), 'index-build-blocks-writes', 'a preview after REINDEX in one transaction');
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', q{SET enable_seqscan = off; SELECT a FROM t WHERE id = 1001}), '1',
	'after a crash the index has its rows');
$node->stop;
done_testing();
