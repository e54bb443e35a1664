# PowerDNS Authoritative Server, PostgreSQL backend, 4.0 to 4.7.
#
# Queries: modules/gpgsqlbackend/gpgsqlbackend.cc of PowerDNS, at the tags
# auth-4.0.0, auth-4.1.0, auth-4.2.0, auth-4.3.0, auth-4.6.0 and auth-4.7.0.
# Each is named as the setting of PowerDNS that holds it. The server prepares
# all of them when it opens a connection, and leaves the types of the
# parameters to the server. Those of 4.7 are read from the backend's binary.

package History::PowerDNS;

use strict;
use warnings;

my $package = 'pdns-backend-pgsql';
my $schema = '/usr/share/pdns-backend-pgsql/schema';

my $record = 'SELECT content,ttl,prio,type,domain_id,disabled::int,name,auth::int FROM records WHERE';
my @all = ('4.0', '4.7');

my $insert_domain = [qw(type name master account last_check notified_serial)];
my $insert_record = [qw(content ttl prio type domain_id disabled name ordername auth)];

sub script
{
	my ($name, %step) = @_;
	return { script => $name, sql => sub { $_[0]->file($package, "$schema/$name") }, %step };
}

return {
	app      => 'pdns',
	packages => [$package],
	versions => [ '4.0', '4.1', '4.2', '4.3', '4.6', '4.7' ],

	base  => sub { $_[0]->file($package, "$schema/schema.pgsql.sql") . $_[0]->own_file('powerdns_undo.sql') },
	final => sub { $_[0]->file($package, "$schema/schema.pgsql.sql") },

	captured => sub {
		grep {
			# A call PowerDNS hopes never to make: of a function that exists nowhere.
			!/pdns_bug_should_not_get_here/
			  # The beginning of the record queries.
			  && !/WHERE$/
			  # Not SQL but the explanation of a setting.
			  && !/^(insert|delete) empty/
		} $_[0]->sql_of_binary($package, '/usr/lib/x86_64-linux-gnu/pdns/libgpgsqlbackend.so');
	},

	queries => [
		[ 'basic-query',  @all, "$record disabled=false and type=\$1 and name=\$2" ],
		[ 'any-id-query', @all, "$record disabled=false and name=\$1 and domain_id=\$2" ],
		[ 'list-query', '4.0', '4.3', "$record (disabled=false OR \$1) and domain_id=\$2 order by name, type" ],
		[
			'list-query', '4.6', '4.7',
			'SELECT content,ttl,prio,type,domain_id,disabled::int,name,auth::int,ordername FROM records
			 WHERE (disabled=false OR $1) and domain_id=$2 order by name, type'
		],

		[ 'master-zone-query', '4.0', '4.1', q{select master from domains where name=$1 and type='SLAVE'} ],
		[
			'info-zone-query', '4.0', '4.6',
			'select id,name,master,last_check,notified_serial,type,account from domains where name=$1'
		],
		[
			'info-zone-query', '4.7', '4.7',
			'select id,name,master,last_check,notified_serial,type,options,catalog,account from domains where name=$1'
		],
		[
			'info-all-slaves-query', '4.0', '4.6',
			q{select id,name,master,last_check from domains where type='SLAVE'}
		],
		[
			'info-all-master-query', '4.0', '4.1',
			q{select id,name,master,last_check,notified_serial,type from domains where type='MASTER'}
		],
		[
			'info-all-master-query', '4.2', '4.3',
			q{select domains.id, domains.name, domains.notified_serial, records.content
			  from records join domains on records.name=domains.name
			  where records.type='SOA' and records.disabled=false and domains.type='MASTER'}
		],
		[
			'info-all-master-query', '4.6', '4.6',
			q{select domains.id, domains.name, domains.notified_serial, records.content
			  from records join domains on records.domain_id=domains.id and records.name=domains.name
			  where records.type='SOA' and records.disabled=false and domains.type='MASTER'}
		],
		[
			'get-all-domains-query', @all,
			q{select domains.id, domains.name, records.content, domains.type, domains.master,
			  domains.notified_serial, domains.last_check, domains.account
			  from domains LEFT JOIN records ON records.domain_id=domains.id AND records.type='SOA'
			  AND records.name=domains.name WHERE records.disabled=false OR $1}
		],
		[
			'insert-zone-query', @all,
			'insert into domains (type,name,master,account,last_check, notified_serial) values($1,$2,$3,$4,null,null)'
		],
		[ 'update-kind-query',   @all, 'update domains set type=$1 where name=$2' ],
		[ 'update-serial-query', @all, 'update domains set notified_serial=$1 where id=$2' ],
		[ 'delete-domain-query', @all, 'delete from domains where name=$1' ],

		[
			'insert-record-query', '4.0', '4.1',
			'insert into records (content,ttl,prio,type,domain_id,disabled,name,ordername,auth,change_date)
			 values ($1,$2,$3,$4,$5,$6,$7,$8,$9,null)'
		],
		[
			'insert-record-query', '4.2', '4.7',
			'insert into records (content,ttl,prio,type,domain_id,disabled,name,ordername,auth)
			 values ($1,$2,$3,$4,$5,$6,$7,$8,$9)'
		],
		[
			'insert-empty-non-terminal-order-query', '4.0', '4.1',
			'insert into records (type,domain_id,disabled,name,ordername,auth,ttl,prio,change_date,content)
			 values (null,$1,false,$2,$3,$4,null,null,null,null)'
		],
		[
			'insert-empty-non-terminal-order-query', '4.2', '4.7',
			'insert into records (type,domain_id,disabled,name,ordername,auth,ttl,prio,content)
			 values (null,$1,false,$2,$3,$4,null,null,null)'
		],
		[ 'zone-lastchange-query', '4.0', '4.1', 'select max(change_date) from records where domain_id=$1' ],
		[ 'delete-rrset-query', @all, 'delete from records where domain_id=$1 and name=$2 and type=$3' ],

		[
			'add-domain-key-query', '4.0', '4.2',
			'insert into cryptokeys (domain_id, flags, active, content) select id, $1, $2, $3 from domains where name=$4'
		],
		[
			'add-domain-key-query', '4.3', '4.3',
			'insert into cryptokeys (domain_id, flags, active, published, content)
			 select id, $1, $2, $3, $4 from domains where name=$5'
		],
		[
			'add-domain-key-query', '4.6', '4.7',
			'insert into cryptokeys (domain_id, flags, active, published, content)
			 select id, $1, $2, $3, $4 from domains where name=$5 returning id'
		],
		[
			'list-domain-keys-query', '4.0', '4.2',
			'select cryptokeys.id, flags, case when active then 1 else 0 end as active, content
			 from domains, cryptokeys where cryptokeys.domain_id=domains.id and name=$1'
		],
		[
			'list-domain-keys-query', '4.3', '4.7',
			'select cryptokeys.id, flags, case when active then 1 else 0 end as active,
			 case when published then 1 else 0 end as published, content
			 from domains, cryptokeys where cryptokeys.domain_id=domains.id and name=$1'
		],
		[ 'supermaster-query', @all, 'select account from supermasters where ip=$1 and nameserver=$2' ],
	],

	# Beside the queries: what an INSERT needs cannot be seen by planning it, and
	# what a value must fit into is said by the column.
	relations => [
		[
			'4.0', '4.1',
			{
				records => { access => [qw(select insert update delete)], insert => [ @$insert_record, 'change_date' ] },
			}
		],
		[
			'4.2', '4.7',
			{
				records => { access => [qw(select insert update delete)], insert => $insert_record },
			}
		],
		[
			'4.0', '4.2',
			{
				domains => {
					access  => [qw(select insert update delete)],
					columns => { id => 'integer', name => 'character varying(255)', type => 'character varying(6)' },
					insert  => $insert_domain,
					unique  => [ ['name'] ],
				},
				cryptokeys => { access => [qw(select insert update delete)], insert => [qw(domain_id flags active content)] },
			}
		],
		[
			'4.3', '4.6',
			{
				domains => {
					access  => [qw(select insert update delete)],
					columns => { id => 'integer', name => 'character varying(255)', type => 'character varying(6)' },
					insert  => $insert_domain,
					unique  => [ ['name'] ],
				},
				cryptokeys =>
				  { access => [qw(select insert update delete)], insert => [qw(domain_id flags active published content)] },
			}
		],
		[
			'4.7', '4.7',
			{
				domains => {
					access  => [qw(select insert update delete)],
					columns => { id => 'integer', name => 'character varying(255)', type => 'text' },
					insert  => $insert_domain,
					unique  => [ ['name'] ],
				},
			}
		],
	],

	probes => [
		[
			'add a record', '4.0', '4.1',
			q{insert into records (content,ttl,prio,type,domain_id,disabled,name,ordername,auth,change_date)
			  values ('192.0.2.1','3600','0','A','1','f','www.example.org',NULL,'t',null)}
		],
		[
			'add a record', '4.2', '4.7',
			q{insert into records (content,ttl,prio,type,domain_id,disabled,name,ordername,auth)
			  values ('192.0.2.1','3600','0','A','1','f','www.example.org',NULL,'t')}
		],
		[ 'set the serial', @all, q{update domains set notified_serial='2024010101' where id='1'} ],
		[
			'add a key', '4.0', '4.2',
			q{insert into cryptokeys (domain_id, flags, active, content)
			  select id, '257', 't', 'key' from domains where name='example.org'}
		],
		[
			'add a key', '4.3', '4.7',
			q{insert into cryptokeys (domain_id, flags, active, published, content)
			  select id, '257', 't', 't', 'key' from domains where name='example.org'}
		],
		[ 'make it a slave', @all, q{update domains set type='SLAVE' where name='example.org'} ],
	],

	rows => q{
		INSERT INTO domains (id, name, type) VALUES (1, 'example.org', 'MASTER');
		INSERT INTO records (domain_id, name, type, content, ttl)
			VALUES (1, 'example.org', 'SOA', 'ns.example.org. hostmaster.example.org. 1 10800 3600 604800 3600', 3600);
		INSERT INTO cryptokeys (domain_id, flags, active, content) VALUES (1, 257, true, 'key');
	},

	hops => [
		{
			from  => '4.0',
			to    => '4.1',
			steps => [
				script(
					'3.4.0_to_4.1.0_schema.pgsql.sql',
					why => 'records.id becomes bigint. A tool that reads the statement alone must call this breaking: int to
						bigint fails typed clients. But no query of PowerDNS reads records.id, so nothing can break.',
				),
			],
		},
		{
			from  => '4.1',
			to    => '4.2',
			steps => [
				script(
					'4.1.0_to_4.2.0_schema.pgsql.sql',
					single => 1,
					why    => 'records.change_date is dropped while 4.1 still names it in every INSERT: a 4.1 server could not
						even open a connection, since it prepares all its statements then. And notified_serial becomes
						bigint: what 4.1 reads and sends changes its type. (As text, which is how PowerDNS happens to read
						it, both look the same; the guard cannot know that, and a contract cannot yet say it of a query.)',
					breaks => {
						'insert-record-query'                   => '42703',
						'insert-empty-non-terminal-order-query' => '42703',
						'zone-lastchange-query'                 => '42703',
						'info-zone-query'                       => 'result',
						'info-all-master-query'                 => 'result',
						'get-all-domains-query'                 => 'result',
						'update-serial-query'                   => 'parameter',
					},
					suffers  => { 'add a record' => '42703' },
					findings => ['block column-missing insert records'],
				),
			],
		},
		{
			from  => '4.2',
			to    => '4.3',
			steps => [
				script(
					'4.2.0_to_4.3.0_schema.pgsql.sql',
					by_statement => 1,
					why => 'cryptokeys.content is copied into a new column, dropped, and the new column takes its name: at the
						end of the transaction there is a column content of the same type. The new column "published" has a
						default, so the INSERT of 4.2 that does not know it goes on working. Judged statement by statement
						this is blocked at DROP COLUMN; judged by its net effect it passes.',
				),
			],
		},
		{
			# 4.4 to 4.6 changed queries, not the schema.
			from  => '4.3',
			to    => '4.6',
			steps => [],
		},
		{
			from  => '4.6',
			to    => '4.7',
			steps => [
				script(
					'4.3.0_to_4.7.0_schema.pgsql.sql',
					single => 1,
					why    => 'domains.type widens from varchar(6) to text: the same bytes on the wire, and everything 4.6 writes
						still fits. Two nullable columns and an index are added; no query of 4.6 says SELECT *.',
				),
			],
		},
	],
};
