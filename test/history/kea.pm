# Kea DHCP server, PostgreSQL backend, 0.9.2 to 2.2.
#
# Queries: the prepared statements of Kea, named as Kea names them, with the
# parameter types Kea declares: src/lib/dhcpsrv/pgsql_lease_mgr.cc and
# src/lib/dhcpsrv/pgsql_host_data_source.cc at the tags Kea-0.9.2,
# Kea-1.0.0-beta2, Kea-1.1.0, Kea-1.3.0, Kea-1.4.0, Kea-1.5.0, Kea-1.6.0,
# Kea-1.8.0 and Kea-2.0.0; dump_*: get_dump_query() of src/bin/admin/kea-admin.in.
# Those of 2.2 are also read from the server's library. Kea prepares all of
# them when it starts, and does not start when one fails.
#
# Each upgrade script is a shell script that feeds psql from a here-document;
# what is run here is that document.

package History::Kea;

use strict;
use warnings;

my $scripts = '/usr/share/kea/scripts/pgsql';

sub script
{
	my ($name, %step) = @_;
	return {
		script => $name,
		sql    => sub {
			my ($history) = @_;
			my ($sql) = $history->file('kea-admin', "$scripts/$name") =~ /<<EOF\n(.*?)^EOF$/ms
			  or die "$name: no here-document";
			$sql =~ s/\\([\$`\\])/$1/g;
			return $sql;
		},
		%step
	};
}

my $int2      = 'smallint';
my $int4      = 'integer';
my $int8      = 'bigint';
my $bytea     = 'bytea';
my $bool      = 'boolean';
my $varchar   = 'character varying';
my $text      = 'text';
my $timestamp = 'timestamp without time zone';

my $lease4 = 'address, hwaddr, client_id, valid_lifetime, extract(epoch from expire)::bigint, subnet_id,
	fqdn_fwd, fqdn_rev, hostname';
my $lease6 = 'address, duid, valid_lifetime, extract(epoch from expire)::bigint, subnet_id, pref_lifetime,
	lease_type, iaid, prefix_len, fqdn_fwd, fqdn_rev, hostname';
my $host = 'h.host_id, h.dhcp_identifier, h.dhcp_identifier_type, h.dhcp4_subnet_id, h.dhcp6_subnet_id,
	h.ipv4_address, h.hostname, h.dhcp4_client_classes, h.dhcp6_client_classes';
my $boot = 'h.dhcp4_next_server, h.dhcp4_server_hostname, h.dhcp4_boot_file_name';
my $option = 'o.option_id, o.code, o.value, o.formatted_value, o.space, o.persistent';
my $host_option = 'FROM hosts AS h LEFT JOIN dhcp4_options AS o ON h.host_id = o.host_id';

# What Kea writes with an INSERT.
my @lease4 = qw(address hwaddr client_id valid_lifetime expire subnet_id fqdn_fwd fqdn_rev hostname);
my @lease6 = qw(address duid valid_lifetime expire subnet_id pref_lifetime lease_type iaid prefix_len
  fqdn_fwd fqdn_rev hostname);
my @hosts = qw(dhcp_identifier dhcp_identifier_type dhcp4_subnet_id dhcp6_subnet_id ipv4_address hostname
  dhcp4_client_classes dhcp6_client_classes dhcp4_next_server dhcp4_server_hostname dhcp4_boot_file_name);
my @option = qw(code value formatted_value space persistent host_id scope_id);
my $all = [qw(select insert update delete)];

# A reservation as a row of hosts, for the probes.
sub reservation
{
	my ($identifier, $subnet) = @_;
	return qq{INSERT INTO hosts(dhcp_identifier, dhcp_identifier_type, dhcp4_subnet_id)
		VALUES ('$identifier', 0, $subnet)};
}

return {
	app      => 'kea',
	packages => [ 'kea-admin', 'kea-common' ],
	versions => [ '0.9.2', '1.0', '1.1', '1.3', '1.4', '1.5', '1.6', '1.8', '2.0', '2.2' ],

	# The script that installs today's schema begins with schema 1.0 and goes
	# through all later ones.
	base => sub {
		my ($sql) = $_[0]->file('kea-admin', "$scripts/dhcpdb_create.pgsql") =~
		  /\A(.*?)^--\n-- Schema 2\.0 specification starts here/ms
		  or die 'dhcpdb_create.pgsql: no schema 1.0';
		return "$sql COMMIT;";
	},
	final => sub { $_[0]->file('kea-admin', "$scripts/dhcpdb_create.pgsql") },

	# What an upgraded database has that a new one has not, or the other way
	# round. Two indexes of 3.2, under names that the script for 13 does not look
	# for; they ask for nothing that its own do not. And a column that the script
	# for 7.0 forgets.
	differs => {
		'dhcp6_options.modification_ts timestamp with time zone not null default CURRENT_TIMESTAMP' => 1,
		map {
			("CREATE UNIQUE INDEX ON public.hosts USING btree (dhcp_identifier, dhcp_identifier_type, $_)"
				  . " WHERE (($_ IS NOT NULL) AND ($_ <> 0))" => 1)
		} qw(dhcp4_subnet_id dhcp6_subnet_id)
	},

	captured => sub {
		my ($history) = @_;
		my ($library) = glob "$history->{folder}{'kea-common'}/usr/lib/*/libkea-dhcpsrv.so.*.*.*";
		$library =~ s/^\Q$history->{folder}{'kea-common'}\E//;
		return grep {
			# Parameters are written ? for MySQL. Of the rest, leases and hosts: the
			# configuration backend is another library.
			!/\?/
			  # Named in queries below, with the parameter types they cannot do without.
			  && !/WHERE NOT EXISTS/
		} $history->sql_of_binary('kea-common', $library);
	},

	queries => [
		[ 'get_version', '0.9.2', '2.2', 'SELECT version, minor FROM schema_version' ],

		# Leases
		[ 'get_lease4_addr', '0.9.2', '0.9.2', "SELECT $lease4 FROM lease4 WHERE address = \$1", [$int8] ],
		[ 'get_lease4_addr', '1.0', '1.4', "SELECT $lease4, state FROM lease4 WHERE address = \$1", [$int8] ],
		[
			'get_lease4_addr', '1.5', '2.2',
			"SELECT $lease4, state, user_context FROM lease4 WHERE address = \$1", [$int8]
		],
		[
			'get_lease4_hwaddr_subid', '0.9.2', '0.9.2',
			"SELECT $lease4 FROM lease4 WHERE hwaddr = \$1 AND subnet_id = \$2",
			[ $bytea, $int8 ]
		],
		[
			'get_lease4_expire', '1.0', '1.4',
			"SELECT $lease4, state FROM lease4 WHERE state != \$1 AND expire < \$2 ORDER BY expire LIMIT \$3",
			[ $int8, $timestamp, $int8 ]
		],
		[
			'get_lease6_addr', '0.9.2', '0.9.2', "SELECT $lease6 FROM lease6 WHERE address = \$1 AND lease_type = \$2",
			[ $varchar, $int2 ]
		],
		[
			'get_lease6_addr', '1.0', '1.1',
			"SELECT $lease6, state FROM lease6 WHERE address = \$1 AND lease_type = \$2",
			[ $varchar, $int2 ]
		],
		[
			'get_lease6_addr', '1.3', '1.4',
			"SELECT $lease6, hwaddr, hwtype, hwaddr_source, state FROM lease6
			 WHERE address = \$1 AND lease_type = \$2", [ $varchar, $int2 ]
		],
		[
			'get_lease6_addr', '1.5', '2.2',
			"SELECT $lease6, hwaddr, hwtype, hwaddr_source, state, user_context FROM lease6
			 WHERE address = \$1 AND lease_type = \$2", [ $varchar, $int2 ]
		],
		[
			'insert_lease4', '0.9.2', '0.9.2',
			'INSERT INTO lease4(address, hwaddr, client_id, valid_lifetime, expire, subnet_id, fqdn_fwd, fqdn_rev,
			 hostname) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)',
			[ $int8, $bytea, $bytea, $int8, $timestamp, $int8, $bool, $bool, $varchar ]
		],
		[
			'insert_lease4', '1.0', '1.4',
			'INSERT INTO lease4(address, hwaddr, client_id, valid_lifetime, expire, subnet_id, fqdn_fwd, fqdn_rev,
			 hostname, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)',
			[ $int8, $bytea, $bytea, $int8, $timestamp, $int8, $bool, $bool, $varchar, $int8 ]
		],
		[
			'insert_lease4', '1.5', '2.2',
			'INSERT INTO lease4(address, hwaddr, client_id, valid_lifetime, expire, subnet_id, fqdn_fwd, fqdn_rev,
			 hostname, state, user_context) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)',
			[ $int8, $bytea, $bytea, $int8, $timestamp, $int8, $bool, $bool, $varchar, $int8, $text ]
		],
		[
			'insert_lease6', '0.9.2', '0.9.2',
			'INSERT INTO lease6(address, duid, valid_lifetime, expire, subnet_id, pref_lifetime, lease_type, iaid,
			 prefix_len, fqdn_fwd, fqdn_rev, hostname) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)',
			[ $varchar, $bytea, $int8, $timestamp, $int8, $int8, $int2, $int8, $int2, $bool, $bool, $varchar ]
		],
		[
			'insert_lease6', '1.0', '1.1',
			'INSERT INTO lease6(address, duid, valid_lifetime, expire, subnet_id, pref_lifetime, lease_type, iaid,
			 prefix_len, fqdn_fwd, fqdn_rev, hostname, state)
			 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)',
			[ $varchar, $bytea, $int8, $timestamp, $int8, $int8, $int2, $int8, $int2, $bool, $bool, $varchar, $int8 ]
		],
		[
			'insert_lease6', '1.3', '1.4',
			'INSERT INTO lease6(address, duid, valid_lifetime, expire, subnet_id, pref_lifetime, lease_type, iaid,
			 prefix_len, fqdn_fwd, fqdn_rev, hostname, hwaddr, hwtype, hwaddr_source, state)
			 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)',
			[
				$varchar, $bytea, $int8, $timestamp, $int8, $int8, $int2, $int8, $int2, $bool, $bool, $varchar,
				$bytea, $int2, $int2, $int8
			]
		],
		# (1.0 to 1.3 lack a blank between two halves of this statement. Servers
		# before 15 took "$10WHERE" for what was meant.)
		[
			'update_lease4', '0.9.2', '0.9.2',
			'UPDATE lease4 SET address = $1, hwaddr = $2, client_id = $3, valid_lifetime = $4, expire = $5,
			 subnet_id = $6, fqdn_fwd = $7, fqdn_rev = $8, hostname = $9 WHERE address = $10',
			[ $int8, $bytea, $bytea, $int8, $timestamp, $int8, $bool, $bool, $varchar, $int8 ]
		],
		[
			'update_lease4', '1.4', '1.4',
			'UPDATE lease4 SET address = $1, hwaddr = $2, client_id = $3, valid_lifetime = $4, expire = $5,
			 subnet_id = $6, fqdn_fwd = $7, fqdn_rev = $8, hostname = $9, state = $10 WHERE address = $11',
			[ $int8, $bytea, $bytea, $int8, $timestamp, $int8, $bool, $bool, $varchar, $int8, $int8 ]
		],
		[
			'update_lease4', '1.5', '1.6',
			'UPDATE lease4 SET address = $1, hwaddr = $2, client_id = $3, valid_lifetime = $4, expire = $5,
			 subnet_id = $6, fqdn_fwd = $7, fqdn_rev = $8, hostname = $9, state = $10, user_context = $11
			 WHERE address = $12',
			[ $int8, $bytea, $bytea, $int8, $timestamp, $int8, $bool, $bool, $varchar, $int8, $text, $int8 ]
		],
		[
			'update_lease4', '1.8', '2.2',
			'UPDATE lease4 SET address = $1, hwaddr = $2, client_id = $3, valid_lifetime = $4, expire = $5,
			 subnet_id = $6, fqdn_fwd = $7, fqdn_rev = $8, hostname = $9, state = $10, user_context = $11
			 WHERE address = $12 AND expire = $13',
			[ $int8, $bytea, $bytea, $int8, $timestamp, $int8, $bool, $bool, $varchar, $int8, $text, $int8, $timestamp ]
		],
		[
			'recount_lease4_stats', '1.1', '1.3',
			'SELECT subnet_id, state, count(state) as state_count FROM lease4 GROUP BY subnet_id, state ORDER BY subnet_id'
		],
		[
			'all_lease4_stats', '1.4', '2.2',
			'SELECT subnet_id, state, leases as state_count FROM lease4_stat ORDER BY subnet_id, state'
		],

		# Leases as a file
		[ 'dump_lease4_header', '1.0', '2.2', 'select * from lease4DumpHeader()' ],
		[ 'dump_lease4_data',   '1.0', '2.2', 'select * from lease4DumpData()' ],
		[ 'dump_lease6_header', '1.0', '2.2', 'select * from lease6DumpHeader()' ],
		[ 'dump_lease6_data',   '1.0', '2.2', 'select * from lease6DumpData()' ],

		# Reservations
		[
			'get_host_subid4_dhcpid', '1.1', '1.3',
			"SELECT $host, $boot, $option $host_option
			 WHERE h.dhcp4_subnet_id = \$1 AND h.dhcp_identifier_type = \$2 AND h.dhcp_identifier = \$3
			 ORDER BY h.host_id, o.option_id", [ $int4, $int2, $bytea ]
		],
		[
			'get_host_subid4_dhcpid', '1.4', '1.4',
			"SELECT $host, h.user_context, $boot, $option, o.user_context $host_option
			 WHERE h.dhcp4_subnet_id = \$1 AND h.dhcp_identifier_type = \$2 AND h.dhcp_identifier = \$3
			 ORDER BY h.host_id, o.option_id", [ $int8, $int2, $bytea ]
		],
		[
			'get_host_subid4_dhcpid', '1.5', '2.2',
			"SELECT $host, h.user_context, $boot, h.auth_key, $option, o.user_context $host_option
			 WHERE h.dhcp4_subnet_id = \$1 AND h.dhcp_identifier_type = \$2 AND h.dhcp_identifier = \$3
			 ORDER BY h.host_id, o.option_id", [ $int8, $int2, $bytea ]
		],
		[
			'insert_host', '1.1', '1.3',
			'INSERT INTO hosts(dhcp_identifier, dhcp_identifier_type, dhcp4_subnet_id, dhcp6_subnet_id, ipv4_address,
			 hostname, dhcp4_client_classes, dhcp6_client_classes, dhcp4_next_server, dhcp4_server_hostname,
			 dhcp4_boot_file_name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING host_id',
			# Kea 1.1 to 1.3 declare eight of the eleven.
			[ $bytea, $int2, $int4, $int4, $int8, $varchar, $varchar, $varchar ]
		],
		[
			'insert_host', '1.4', '1.4',
			'INSERT INTO hosts(dhcp_identifier, dhcp_identifier_type, dhcp4_subnet_id, dhcp6_subnet_id, ipv4_address,
			 hostname, dhcp4_client_classes, dhcp6_client_classes, user_context, dhcp4_next_server,
			 dhcp4_server_hostname, dhcp4_boot_file_name)
			 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING host_id',
			[ $bytea, $int2, $int8, $int8, $int8, $varchar, $varchar, $varchar, $text ]
		],
		[
			'insert_host', '1.5', '1.8',
			'INSERT INTO hosts(dhcp_identifier, dhcp_identifier_type, dhcp4_subnet_id, dhcp6_subnet_id, ipv4_address,
			 hostname, dhcp4_client_classes, dhcp6_client_classes, user_context, dhcp4_next_server,
			 dhcp4_server_hostname, dhcp4_boot_file_name, auth_key)
			 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING host_id',
			[ $bytea, $int2, $int8, $int8, $int8, $varchar, $varchar, $varchar, $text ]
		],
		[
			'insert_host_unique_ip', '2.0', '2.2',
			'INSERT INTO hosts(dhcp_identifier, dhcp_identifier_type, dhcp4_subnet_id, dhcp6_subnet_id, ipv4_address,
			 hostname, dhcp4_client_classes, dhcp6_client_classes, user_context, dhcp4_next_server,
			 dhcp4_server_hostname, dhcp4_boot_file_name, auth_key)
			 SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
			 WHERE NOT EXISTS ( SELECT 1 FROM hosts WHERE ipv4_address = $14 AND dhcp4_subnet_id = $15 LIMIT 1 )
			 RETURNING host_id',
			[
				$bytea, $int2, $int8, $int8, $int8, $varchar, $varchar, $varchar, $text, $int8, $varchar, $varchar,
				$varchar, $int8, $int8
			]
		],
		[
			'insert_v6_resrv', '1.1', '1.8',
			'INSERT INTO ipv6_reservations(address, prefix_len, type, dhcp6_iaid, host_id) VALUES ($1, $2, $3, $4, $5)',
			[ $varchar, $int2, $int4, $int4, $int4 ]
		],
		[
			'insert_v6_resrv_unique', '2.0', '2.2',
			'INSERT INTO ipv6_reservations(address, prefix_len, type, dhcp6_iaid, host_id) SELECT $1, $2, $3, $4, $5
			 WHERE NOT EXISTS ( SELECT 1 FROM ipv6_reservations WHERE address = $6 AND prefix_len = $7 LIMIT 1 )',
			[ $varchar, $int2, $int4, $int4, $int4, $varchar, $int2 ]
		],
		[
			'insert_v4_host_option', '1.1', '1.3',
			'INSERT INTO dhcp4_options(code, value, formatted_value, space, persistent, host_id, scope_id)
			 VALUES ($1, $2, $3, $4, $5, $6, 3)', [ $int2, $bytea, $text, $varchar, $bool, $int8 ]
		],
		[
			'insert_v4_host_option', '1.4', '2.2',
			'INSERT INTO dhcp4_options(code, value, formatted_value, space, persistent, user_context, host_id, scope_id)
			 VALUES ($1, $2, $3, $4, $5, $6, $7, 3)', [ $int2, $bytea, $text, $varchar, $bool, $text, $int8 ]
		],
		[
			'insert_v6_host_option', '1.1', '1.3',
			'INSERT INTO dhcp6_options(code, value, formatted_value, space, persistent, host_id, scope_id)
			 VALUES ($1, $2, $3, $4, $5, $6, 3)', [ $int2, $bytea, $text, $varchar, $bool, $int8 ]
		],
		[
			'insert_v6_host_option', '1.4', '2.2',
			'INSERT INTO dhcp6_options(code, value, formatted_value, space, persistent, user_context, host_id, scope_id)
			 VALUES ($1, $2, $3, $4, $5, $6, $7, 3)', [ $int2, $bytea, $text, $varchar, $bool, $text, $int8 ]
		],
		[
			'del_host_addr4', '1.3', '1.3', 'DELETE FROM hosts WHERE dhcp4_subnet_id = $1 AND ipv4_address = $2',
			[ $int4, $int8 ]
		],
		[
			'del_host_addr4', '1.4', '2.2', 'DELETE FROM hosts WHERE dhcp4_subnet_id = $1 AND ipv4_address = $2',
			[ $int8, $int8 ]
		],
	],

	relations => [
		[
			'0.9.2', '0.9.2',
			{
				lease4 => {
					access  => $all,
					insert  => \@lease4,
					unique  => [ ['address'] ],
					indexes => [ [qw(hwaddr subnet_id)], [qw(client_id subnet_id)] ],
				},
				lease6 => { access => $all, insert => \@lease6, unique => [ ['address'] ] },
			}
		],
		[
			'1.0', '1.3',
			{
				lease4 => {
					access  => $all,
					insert  => [ @lease4, 'state' ],
					unique  => [ ['address'] ],
					indexes => [ [qw(hwaddr subnet_id)], [qw(client_id subnet_id)], [qw(state expire)] ],
				},
				lease6 => {
					access  => $all,
					insert  => [ @lease6, 'state' ],
					unique  => [ ['address'] ],
					indexes => [ [qw(iaid subnet_id duid)], [qw(state expire)] ],
				},
			}
		],
		[
			'1.4', '2.2',
			{
				lease4 => {
					access  => $all,
					insert  => [ @lease4, 'state' ],
					unique  => [ ['address'] ],
					indexes => [ [qw(hwaddr subnet_id)], [qw(client_id subnet_id)], [qw(state expire)] ],
				},
				lease6 => {
					access  => $all,
					insert  => [ @lease6, qw(hwaddr hwtype hwaddr_source state) ],
					unique  => [ ['address'] ],
					indexes => [ [qw(duid iaid subnet_id)], [qw(state expire)] ],
				},
			}
		],
		# A reservation that exists already is refused by the database: "if
		# (conn_.compareError(r, PgSqlConnection::DUPLICATE_KEY)) isc_throw(DuplicateEntry"
		# in PgSqlHostDataSourceImpl::addStatement(). Hence these.
		[
			'1.1', '1.3',
			{
				hosts => {
					access  => $all,
					columns => { dhcp4_subnet_id => $int4, dhcp6_subnet_id => $int4 },
					insert  => \@hosts,
					unique  => [
						[qw(ipv4_address dhcp4_subnet_id)],
						[qw(dhcp_identifier dhcp_identifier_type dhcp4_subnet_id)],
						[qw(dhcp_identifier dhcp_identifier_type dhcp6_subnet_id)],
					],
				},
			}
		],
		# From 1.4 on the uniqueness of hosts is that of partial indexes, which a
		# contract cannot ask for.
		[ '1.4', '1.4', { hosts => { access => $all, insert => [ @hosts, 'user_context' ] } } ],
		[
			'1.5', '2.2',
			{
				hosts => {
					access  => $all,
					columns => { auth_key => 'character varying(16)' },
					insert  => [ @hosts, qw(user_context auth_key) ]
				}
			}
		],
		[
			'1.1', '1.8',
			{
				ipv6_reservations => {
					access => $all,
					insert => [qw(address prefix_len type dhcp6_iaid host_id)],
					unique => [ [qw(address prefix_len)] ],
				},
			}
		],
		[
			'1.1', '1.3',
			{
				dhcp4_options => { access => $all, insert => \@option },
				dhcp6_options => { access => $all, insert => \@option },
			}
		],
		[
			'1.4', '2.2',
			{
				dhcp4_options => { access => $all, insert => [ @option, 'user_context' ] },
				dhcp6_options => { access => $all, insert => [ @option, 'user_context' ] },
			}
		],
	],

	rows => q{
		INSERT INTO lease4 (address, hwaddr, subnet_id, expire) VALUES (3221225985, '\x020000000001', 1, now());
		INSERT INTO lease6 (address, duid, subnet_id, lease_type, expire) VALUES ('2001:db8::1', '\x01', 1, 0, now());
	},

	probes => [
		[
			'lease an address', '0.9.2', '0.9.2',
			q{INSERT INTO lease4(address, hwaddr, client_id, valid_lifetime, expire, subnet_id, fqdn_fwd, fqdn_rev, hostname)
			  VALUES (3221225986, '\x020000000002', NULL, 3600, now(), 1, false, false, '')}
		],
		[
			'lease an address', '1.0', '2.2',
			q{INSERT INTO lease4(address, hwaddr, client_id, valid_lifetime, expire, subnet_id, fqdn_fwd, fqdn_rev, hostname, state)
			  VALUES (3221225986, '\x020000000002', NULL, 3600, now(), 1, false, false, '', 0)}
		],
		[ 'renew a lease',   '0.9.2', '2.2', q{UPDATE lease4 SET expire = now() WHERE address = 3221225985} ],
		[ 'release a lease', '0.9.2', '2.2', q{DELETE FROM lease4 WHERE address = 3221225985} ],
		[
			'lease an IPv6 address', '0.9.2', '2.2',
			q{INSERT INTO lease6(address, duid, valid_lifetime, expire, subnet_id, pref_lifetime, lease_type, iaid,
			  prefix_len, fqdn_fwd, fqdn_rev, hostname)
			  VALUES ('2001:db8::2', '\x02', 3600, now(), 1, 3600, 0, 1, 128, false, false, '')}
		],
		[ 'dump the leases', '1.0', '2.2', 'select * from lease4DumpData()' ],

		[ 'reserve in a subnet', '1.1', '2.2', reservation('\x01', 1) ],
		[ 'reserve twice in a subnet', '1.1', '2.2', reservation('\x01', 1) . ';' . reservation('\x01', 1) ],
		[ 'reserve twice in no subnet', '1.1', '2.2', reservation('\x01', 0) . ';' . reservation('\x01', 0) ],
		[
			'reserve one IPv6 address for two',
			'1.1', '1.8',
			reservation('\x01', 1)
			  . q{; INSERT INTO ipv6_reservations(address, prefix_len, type, host_id)
				VALUES ('2001:db8::1', 128, 0, currval('hosts_host_id_seq'));}
			  . reservation('\x02', 1)
			  . q{; INSERT INTO ipv6_reservations(address, prefix_len, type, host_id)
				VALUES ('2001:db8::1', 128, 0, currval('hosts_host_id_seq'))}
		],
		map {
			[
				"reserve with a DHCPv$_ option",
				'1.1', '2.2',
				reservation('\x01', 1)
				  . qq{; INSERT INTO dhcp${_}_options(code, value, formatted_value, space, persistent, host_id, scope_id)
					VALUES (5, NULL, '192.0.2.1', 'dhcp$_', false, currval('hosts_host_id_seq'), 3)}
			]
		} (4, 6),
	],

	hops => [
		{
			from  => '0.9.2',
			to    => '1.0',
			steps => [
				script(
					'upgrade_001.0_to_002.0.sh',
					why => 'A column with a default, indexes and functions: 0.9.2 does not see them. Foreign keys are added to
						tables that 0.9.2 writes. They hold for what it has written; whether for all it will write, nobody
						can prove: a warning. (The script commits each statement by itself.)',
					findings => [ 'warn constraint-added access lease4', 'warn constraint-added access lease6' ],
				),
			],
		},
		{
			from  => '1.0',
			to    => '1.1',
			steps => [
				script(
					'upgrade_002.0_to_003.0.sh',
					why => 'New tables, nullable columns. Four functions that 1.0 calls are dropped, and made anew in the same
						transaction: lease4DumpData with the same result, lease6DumpData with three more columns at the end.',
					breaks => { dump_lease6_data => 'grew' },
				),
			],
		},
		{
			from  => '1.1',
			to    => '1.3',
			steps => [ script('upgrade_003.0_to_003.1.sh', why => 'Only rows are added.') ],
		},
		{
			from  => '1.3',
			to    => '1.4',
			steps => [
				script(
					'upgrade_003.1_to_003.2.sh',
					why => 'Three unique constraints of hosts become unique indexes that leave out some rows. 1.3 relies on
						the database to refuse a reservation that exists: it would now store two.',
					suffers  => { 'reserve twice in no subnet' => 'ok' },
					findings => [
						'block unique-missing unique hosts (dhcp4_subnet_id, ipv4_address)',
						'block unique-missing unique hosts (dhcp4_subnet_id, dhcp_identifier, dhcp_identifier_type)',
						'block unique-missing unique hosts (dhcp6_subnet_id, dhcp_identifier, dhcp_identifier_type)',
					],
				),
				script(
					'upgrade_003.2_to_003.3.sh',
					why => 'Subnet numbers become bigint. 1.3 declares the parameters it compares them with itself, so these
						stay; but what it reads has another type.',
					breaks   => { get_host_subid4_dhcpid => 'result' },
					findings => [
						'block column-type column hosts.dhcp4_subnet_id',
						'block column-type column hosts.dhcp6_subnet_id',
					],
				),
				script(
					'upgrade_003.3_to_004.0.sh',
					why => 'An index 1.3 was given for its lookups is replaced by one with another order of columns: 1.3 finds
						the same, slower. Triggers now run within each write of a lease.',
					findings => [
						'warn index-missing index lease6 (iaid, subnet_id, duid)',
						'warn trigger-added access lease4',
						'warn trigger-added access lease6',
					],
				),
			],
		},
		{
			from  => '1.4',
			to    => '1.5',
			steps => [
				script(
					'upgrade_004.0_to_005.0.sh',
					why => 'Nullable columns, a new table, and the dump functions again: both return one more column at the end.',
					breaks => { dump_lease4_data => 'grew', dump_lease6_data => 'grew' },
				),
			],
		},
		{
			from  => '1.5',
			to    => '1.6',
			steps => [
				script(
					'upgrade_005.0_to_005.1.sh',
					why => 'auth_key widens from varchar(16) to varchar(32).',
				),
			],
		},
		{
			from  => '1.6',
			to    => '1.8',
			steps => [
				script('upgrade_005.1_to_006.0.sh', why => 'Three indexes.'),
				script(
					'upgrade_006.0_to_006.1.sh',
					why => 'Trigger functions get new bodies: the triggers are those that 1.6 knows.',
				),
			],
		},
		{
			from  => '1.8',
			to    => '2.0',
			steps => [
				script(
					'upgrade_006.1_to_006.2.sh',
					single => 1,
					why    => 'The constraint that refuses a second reservation of an IPv6 address is dropped. 1.8 has nothing but
						this to refuse it; 2.0 asks first (WHERE NOT EXISTS). The same is true of hosts, but there the index
						was partial, and a contract cannot ask for that.',
					suffers  => { 'reserve one IPv6 address for two' => 'ok' },
					findings => ['block unique-missing unique ipv6_reservations (address, prefix_len)'],
				),
			],
		},
		{
			from  => '2.0',
			to    => '2.2',
			steps => [
				script(
					'upgrade_006.2_to_007.0.sh',
					why => 'The whole configuration backend: over a hundred statements. What 2.0 uses stays, but for new columns,
						foreign keys and triggers on the option tables it writes. One of those triggers is faulty: it reads
						NEW.modification_ts, a column this script forgets to add to dhcp6_options, so 2.0 can no longer
						store a DHCPv6 option. (Nor can 2.2, except where the schema was installed anew.) Whether a trigger
						works is not proven by its being there; that it was added to a table 2.0 writes is worth saying.',
					suffers  => { 'reserve with a DHCPv6 option' => '42703' },
					findings => [
						'warn constraint-added access dhcp4_options', 'warn constraint-added access dhcp6_options',
						'warn trigger-added access dhcp4_options',    'warn trigger-added access dhcp6_options',
					],
				),
				script(
					'upgrade_007_to_008.sh',
					why => 'The dump functions now return what the memory file backend reads: other types in the same places, so
						2.0 would write a file that it cannot read back. And two foreign keys, on columns that 2.0 leaves out.',
					breaks   => { dump_lease4_data => 'result', dump_lease6_data => 'result' },
					findings =>
					  [ 'warn constraint-added access dhcp4_options', 'warn constraint-added access dhcp6_options' ],
				),
				script('upgrade_008_to_009.sh', why => 'Tables of the configuration backend only.'),
				script('upgrade_009_to_010.sh', why => 'Tables of the configuration backend only.'),
				script('upgrade_010_to_011.sh', why => 'A function of the configuration backend.'),
				script('upgrade_011_to_012.sh', why => 'Tables of the configuration backend only.'),
				script(
					'upgrade_012_to_013.sh',
					why => 'The triggers on leases are replaced by others with the same effect and more, which nobody can tell:
						the old ones are gone, and others are there. And unique indexes on
						hosts now cover reservations outside any subnet: what 2.0 could store twice, it no longer can.',
					suffers  => { 'reserve twice in no subnet' => '23505' },
					findings => [
						'warn constraint-added access hosts',
						'warn trigger-added access lease4', 'warn trigger-added access lease6',
						'warn trigger-disabled access lease4', 'warn trigger-disabled access lease6',
					],
				),
			],
		},
	],
};
