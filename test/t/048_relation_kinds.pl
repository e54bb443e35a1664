# What sql/relation_kinds.sql cannot have on every server: foreign tables with a
# wrapper that plans (postgres_fdw), IMPORT FOREIGN SCHEMA, and the virtual
# generated columns and NOT NULL ... NOT VALID of PostgreSQL 18.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../setup";

use Needs;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('kinds');
$node->init;
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION compat_guard;
	CREATE ROLE app;
	GRANT CREATE ON SCHEMA public TO app;
});

# "action rule requirement" of each finding.
sub findings
{
	my ($ddl) = @_;

	return $node->safe_psql('postgres', qq{
		SELECT action, rule, coalesce(requirement, message) FROM compat_guard.preview(\$ddl\$$ddl\$ddl\$)
		ORDER BY 3, 2}, extra_params => ['-F', ' ']);
}

# ---- foreign tables ----

SKIP:
{
	skip lacking('no postgres_fdw'), 8
	  if $node->safe_psql('postgres',
		q{SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'}) eq '0';

	my ($host, $port) = ($node->host, $node->port);
	my $user = $node->safe_psql('postgres', 'SELECT quote_literal(current_user)');
	$node->safe_psql('postgres', qq{
		CREATE SCHEMA remote;
		CREATE TABLE remote.users (id int NOT NULL, name text);
		CREATE EXTENSION postgres_fdw;
		CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw
			OPTIONS (host '$host', port '$port', dbname 'postgres');
		CREATE USER MAPPING FOR PUBLIC SERVER loop OPTIONS (user $user);
		CREATE FOREIGN TABLE users (id int NOT NULL, name text) SERVER loop OPTIONS (schema_name 'remote');
		CREATE VIEW names AS SELECT name FROM users;
		GRANT ALL ON users, names TO app;
		SELECT compat_guard.register('app', '1', '{"role": "app", "search_path": "late, public",
			"relations": {"users": {"access": ["select", "insert", "truncate"], "insert": ["id", "name"]},
						  "names": {"access": ["select", "update"]}},
			"queries": {"by id": "SELECT name FROM users WHERE id = \$1",
						"rename": "UPDATE users SET name = \$1 WHERE id = \$2"}}');
	});
	is($node->safe_psql('postgres', q{SELECT status FROM compat_guard.versions}), 'ready', 'a foreign table serves');

	is(findings(q{ALTER SERVER loop OPTIONS (ADD updatable 'false')}),
		"block relation-kind access names\n"
		  . "block relation-kind access users\n"
		  . "block relation-kind insert users",
		'what a server no longer lets through');
	is(findings(q{DROP SERVER loop CASCADE}),
		"block query-broken query by id\n"
		  . "block query-broken query rename\n"
		  . "block relation-missing relation names\n"
		  . "block relation-missing relation users",
		'a server dropped');
	is(findings(q{ALTER FOREIGN TABLE users ALTER id TYPE bigint}),
		"block query-parameter query by id\nblock query-parameter query rename",
		'a column of another type');
	is(findings(q{ALTER FOREIGN TABLE users ADD note text NOT NULL;
			ALTER FOREIGN TABLE users ALTER name SET NOT NULL;
			ALTER SERVER loop OPTIONS (SET dbname 'elsewhere');
			ALTER FOREIGN TABLE users OPTIONS (SET schema_name 'elsewhere')}),
		'', 'where its rows come from is its own affair');
	is(findings(q{CREATE SCHEMA late; GRANT USAGE ON SCHEMA late TO app;
			IMPORT FOREIGN SCHEMA remote LIMIT TO (users) FROM SERVER loop INTO late;
			GRANT ALL ON late.users TO app}),
		"block name-captured query by id\n"
		  . "block name-captured query rename\n"
		  . "block name-captured relation users",
		'an imported table takes a name over');
	is(findings(q{CREATE SCHEMA other; IMPORT FOREIGN SCHEMA remote FROM SERVER loop INTO other}),
		'', 'another does not');

	# A wrapper that cannot answer is an answer, and not an error of the change.
	$node->safe_psql('postgres', q{
		SET client_min_messages = error;
		SET compat_guard.mode = warn;
		ALTER FOREIGN DATA WRAPPER postgres_fdw NO HANDLER;
	});
	like($node->safe_psql('postgres', q{
			SELECT found FROM compat_guard.check('app', '1') WHERE kind = 'access' AND object = 'users'}),
		qr/^foreign-data wrapper "postgres_fdw" has no handler$/, 'a wrapper without handler');
	$node->safe_psql('postgres', q{SELECT compat_guard.forget('app', '1')});
}

# ---- PostgreSQL 18 ----

SKIP:
{
	skip 'no virtual generated columns', 7 if $node->pg_version < 18;

	$node->safe_psql('postgres', q{
		CREATE TABLE lines (id int NOT NULL, price int, total int GENERATED ALWAYS AS (price * 2) VIRTUAL);
		CREATE TABLE parts (id int, note text) PARTITION BY LIST (id);
		CREATE TABLE parts_1 PARTITION OF parts DEFAULT;
		GRANT ALL ON lines, parts TO app;
		SELECT compat_guard.register('app', '2', '{"role": "app", "search_path": "public",
			"relations": {
				"lines": {"columns": {"total": {"type": "integer", "generated": true}, "price": {"generated": false}},
						  "insert": [["id"], ["id", "price"]]},
				"parts": {"insert": ["id"]}},
			"queries": {"total": "SELECT total FROM lines WHERE total > 1"}}');
	});
	is(findings(q{ALTER TABLE lines ALTER total SET EXPRESSION AS (price * 3)}), 'log default-changed insert lines', 'another expression');
	is(findings(q{ALTER TABLE lines DROP total;
			ALTER TABLE lines ADD total int GENERATED ALWAYS AS (price * 2) STORED}),
		'', 'virtual becomes stored');
	is(findings(q{ALTER TABLE lines ALTER total TYPE bigint}),
		"block column-type column lines.total\nblock query-result query total", 'another type');
	is(findings(q{ALTER TABLE lines ALTER total SET NOT NULL}),
		'block insert-needs-column insert lines', 'not null, where an INSERT leaves the price out');
	is(findings(q{ALTER TABLE lines DROP total, DROP price;
			ALTER TABLE lines ADD price int GENERATED ALWAYS AS (id) VIRTUAL,
				ADD total int GENERATED ALWAYS AS (id) VIRTUAL}),
		"block insert-rejected-column column lines.price\nlog default-changed insert lines\nblock insert-rejected-column insert lines",
		'a written column becomes virtual');
	is(findings(q{ALTER TABLE parts ADD CONSTRAINT parts_note NOT NULL note NOT VALID}),
		'block insert-needs-column insert parts', 'not null, not valid, on the table');
	is(findings(q{ALTER TABLE parts_1 ADD CONSTRAINT parts_note NOT NULL note NOT VALID}),
		'block insert-needs-column insert parts', 'and on a partition');
}

$node->stop;
done_testing();
