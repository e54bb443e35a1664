# Roundcube webmail, 0.6 to 1.6.5.
#
# Queries: of Roundcube at the tags v0.6, v0.7, v0.8.0, 1.0.0, 1.2.0, 1.3.0,
# 1.4.0, 1.5.0, 1.6.0, and at commit 7b1f0f020 (version 1.4 while it was being
# written, between two schema changes). They are in the files named by the
# headings below, in program/include/ up to 0.8 and program/lib/Roundcube/ since.
# ? is written $1, $2 ...; now() is what the driver for PostgreSQL puts in for
# $db->now(). Those of 1.6.5 are read from the package's PHP code.
#
# Roundcube's own updater sends each statement of an upgrade script by itself
# and stops at the first error. A guard would stop it there, too, in the middle
# of a script; here each script runs in one transaction.

package History::Roundcube;

use strict;
use warnings;

my $package = 'roundcube-core';
my $sql = '/usr/share/roundcube/SQL';
my @all = ('0.6', '1.6.5');

sub script
{
	my ($number, %step) = @_;
	return {
		script => "$number.sql",
		sql    => sub { $_[0]->file($package, "$sql/postgres/$number.sql") },
		single => 1,
		%step
	};
}

# SQL in PHP: strings put together from literals, table names and now().
sub sql_of_php
{
	my ($text) = @_;

	# What joins two literals becomes one; where anything but a table's name or
	# now() comes in between, nobody knows the text.
	my $db = qr/\$\w+(?:->\w+)*/;
	$text =~ s{//[^\n]*}{}g;
	$text =~ s/"\s*\.\s*$db->table_name\('(\w+)'(?:,\s*true)?\)\s*\.\s*"/$1/g;
	$text =~ s/"\s*\.\s*$db->now\(\)\s*\.\s*"/now()/g;
	$text =~ s/"\s*\.\s*"//g;

	my @sql;
	while ($text =~ /"((?:SELECT|INSERT INTO|UPDATE|DELETE FROM) [^"\$]+)"\s*[,);]/g)
	{
		my $sql = $1;
		my $number = 0;
		next if $sql !~ /^(?:SELECT .* FROM|INSERT INTO|UPDATE|DELETE FROM) \w/s;
		$sql =~ s/\?/'$' . ++$number/ge;
		$sql =~ tr/`/"/;
		push @sql, $sql;
	}
	return @sql;
}

my @contact = qw(user_id changed del name email firstname surname vcard words);
my $all = [qw(select insert update delete)];

return {
	app      => 'roundcube',
	packages => [$package],
	versions => [ '0.6', '0.7', '0.8', '1.0', '1.2', '1.3', '1.4-git', '1.4', '1.5', '1.6.0', '1.6.5' ],

	base  => sub { $_[0]->file($package, "$sql/postgres.initial.sql") . $_[0]->own_file('roundcube_undo.sql') },
	final => sub { $_[0]->file($package, "$sql/postgres.initial.sql") },

	captured => sub {
		my ($history) = @_;
		my $lib = '/usr/share/roundcube/program/lib/Roundcube';
		return map { sql_of_php($history->file($package, "$lib/$_")) }
		  qw(rcube_user.php rcube_contacts.php rcube_spellchecker.php cache/db.php session/db.php);
	},

	queries => [
		# rcube_user.php
		[ 'user', @all, 'SELECT * FROM users WHERE user_id = $1' ],
		[ 'user by name', '0.6', '1.6.0', 'SELECT * FROM users WHERE mail_host = $1 AND username = $2' ],
		[ 'user by alias', '0.6', '0.8', 'SELECT * FROM users WHERE mail_host = $1 AND alias = $2' ],
		[
			'user by alias', '1.0', '1.5',
			'SELECT u.* FROM users u JOIN identities i ON (i.user_id = u.user_id) WHERE email = $1 AND del <> 1 LIMIT 1'
		],
		[
			'create user', '0.6', '0.8',
			'INSERT INTO users (created, last_login, username, mail_host, alias, language)
			 VALUES (now(), now(), $1, $2, $3, $4)'
		],
		[
			'create user', '1.0', '1.4',
			'INSERT INTO users (created, last_login, username, mail_host, language) VALUES (now(), now(), $1, $2, $3)'
		],
		[
			'create user', '1.5', '1.6.0',
			'INSERT INTO users (created, last_login, username, mail_host, language, preferences)
			 VALUES (now(), now(), $1, $2, $3, $4)'
		],
		[ 'save preferences', '0.6', '1.6.0', 'UPDATE users SET preferences = $1, language = $2 WHERE user_id = $3' ],
		[
			'failed login', '1.3', '1.6.5',
			'UPDATE users SET failed_login = $1, failed_login_counter = failed_login_counter + 1 WHERE user_id = $2'
		],
		[
			'identities', '0.6', '1.0',
			'SELECT * FROM identities WHERE del <> 1 AND user_id = $1 ORDER BY standard DESC, name ASC, identity_id ASC'
		],
		[
			'identities', '1.2', '1.6.5',
			'SELECT * FROM identities WHERE del <> 1 AND user_id = $1
			 ORDER BY standard DESC, name ASC, email ASC, identity_id ASC'
		],
		[
			'add identity', @all,
			'INSERT INTO identities (changed, name, email, organization, "reply-to", bcc, standard, signature,
			 html_signature, user_id) VALUES (now(), $1, $2, $3, $4, $5, $6, $7, $8, $9)'
		],
		[
			'add response', '1.6.0', '1.6.5',
			'INSERT INTO responses (changed, user_id, name, data, is_html) VALUES (now(), $1, $2, $3, $4)'
		],

		# rcube_mdb2.php, insert_id(), with the names of config/db.inc.php.dist. From
		# 0.9 on the name is a parameter of the statement: nothing of it is seen here.
		[ 'id of new user',     '0.6', '0.8', q{SELECT currval('user_ids')} ],
		[ 'id of new identity', '0.6', '0.8', q{SELECT currval('identity_ids')} ],
		[ 'id of new contact',  '0.6', '0.8', q{SELECT currval('contact_ids')} ],

		# rcube_contacts.php
		[
			'count contacts', '0.6', '1.0',
			'SELECT COUNT(c.contact_id) AS rows FROM contacts AS c WHERE c.del<>1 AND c.user_id=$1'
		],
		[ 'contact', @all, 'SELECT * FROM contacts WHERE contact_id=$1 AND user_id=$2 AND del<>1' ],
		[
			'add contact', @all,
			'INSERT INTO contacts (user_id, changed, del, name, email, firstname, surname, vcard, words)
			 VALUES ($1, now(), 0, $2, $3, $4, $5, $6, $7)'
		],

		# rcube_session.php, rcube_session_db.php, session/db.php
		[ 'read session', '0.6', '0.8',   'SELECT vars, ip, changed FROM session WHERE sess_id = $1' ],
		[ 'read session', '1.0', '1.6.5', 'SELECT vars, ip, changed, now() AS ts FROM session WHERE sess_id = $1' ],
		[
			'write session', '0.6', '1.2',
			'INSERT INTO session (sess_id, vars, ip, created, changed) VALUES ($1, $2, $3, now(), now())'
		],
		[ 'write session', '1.3', '1.6.5', 'INSERT INTO session (sess_id, vars, ip, changed) VALUES ($1, $2, $3, now())' ],

		# rcube_cache.php, rcube_cache_shared.php, cache/db.php
		[
			'read cache', '0.6', '0.8',
			'SELECT cache_id, data, cache_key FROM cache WHERE user_id = $1 AND cache_key = $2 ORDER BY created DESC LIMIT 1'
		],
		[
			'read cache', '1.0', '1.2',
			'SELECT data, cache_key FROM cache WHERE user_id = $1 AND cache_key = $2 ORDER BY created DESC LIMIT 1'
		],
		[ 'read cache', '1.3', '1.6.5', 'SELECT data, cache_key FROM cache WHERE user_id = $1 AND cache_key = $2' ],
		[
			'write cache', '0.6', '0.8',
			'INSERT INTO cache (created, user_id, cache_key, data) VALUES (now(), $1, $2, $3)'
		],
		[
			'write cache', '1.0', '1.2',
			q{INSERT INTO cache (created, expires, user_id, cache_key, data)
			  VALUES (now(), now() + interval '604800 seconds', $1, $2, $3)}
		],
		[
			'write cache', '1.3', '1.4',
			q{INSERT INTO cache (expires, user_id, cache_key, data) VALUES (now() + interval '604800 seconds', $1, $2, $3)}
		],
		[
			'write cache', '1.5', '1.6.5',
			'INSERT INTO cache (user_id, cache_key, expires, data) VALUES ($1, $2, $3, $4)
			 ON CONFLICT (user_id, cache_key) DO UPDATE SET expires = EXCLUDED.expires, data = EXCLUDED.data'
		],
		[
			'write shared cache', '1.0', '1.2',
			q{INSERT INTO cache_shared (created, expires, cache_key, data)
			  VALUES (now(), now() + interval '604800 seconds', $1, $2)}
		],
		[
			'write shared cache', '1.3', '1.4',
			q{INSERT INTO cache_shared (expires, cache_key, data) VALUES (now() + interval '604800 seconds', $1, $2)}
		],

		# rcube_imap.php
		[
			'cached messages', '0.6', '0.6',
			'SELECT idx, uid, headers FROM messages WHERE user_id=$1 AND cache_key=$2 ORDER BY idx DESC LIMIT 40'
		],
		[
			'cache message', '0.6', '0.6',
			'INSERT INTO messages (user_id, del, cache_key, created, idx, uid, subject, "from", "to", cc, date, size,
			 headers, structure) VALUES ($1, 0, $2, now(), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)'
		],

		# rcube_imap_cache.php
		[
			'cache message', '0.7', '0.8',
			'INSERT INTO cache_messages (user_id, mailbox, uid, flags, changed, data) VALUES ($1, $2, $3, $4, now(), $5)'
		],
		[
			'cache message', '1.0', '1.4',
			q{INSERT INTO cache_messages (user_id, mailbox, uid, flags, expires, data)
			  VALUES ($1, $2, $3, $4, now() + interval '604800 seconds', $5)}
		],
		[
			'cache message', '1.5', '1.6.5',
			'INSERT INTO cache_messages (user_id, mailbox, uid, flags, expires, data) VALUES ($1, $2, $3, $4, $5, $6)
			 ON CONFLICT (user_id, mailbox, uid)
			 DO UPDATE SET flags = EXCLUDED.flags, expires = EXCLUDED.expires, data = EXCLUDED.data'
		],
		[
			'cached message', '0.7', '1.6.5',
			'SELECT flags, data FROM cache_messages WHERE user_id = $1 AND mailbox = $2 AND uid = $3'
		],
		[
			'renew index', '0.7', '0.8',
			'UPDATE cache_index SET data = $1, valid = 1, changed = now() WHERE user_id = $2 AND mailbox = $3'
		],
		[
			'cache index', '1.0', '1.4',
			q{INSERT INTO cache_index (user_id, mailbox, valid, expires, data)
			  VALUES ($1, $2, 1, now() + interval '604800 seconds', $3)}
		],
		[ 'expire threads', '0.8', '0.8', 'DELETE FROM cache_thread WHERE changed < $1' ],

		# rcube_addresses.php
		[
			'collect address', '1.5', '1.6.5',
			'INSERT INTO collected_addresses (user_id, changed, type, name, email) VALUES ($1, now(), $2, $3, $4)'
		],

		# plugins/enigma/lib/enigma_driver_gnupg.php
		[
			'key files', '1.4-git', '1.4-git',
			q{SELECT file_id, filename, mtime FROM filestore
			  WHERE user_id = $1 AND filename IN ('pubring.gpg', 'secring.gpg')}
		],
		[
			'key files', '1.4', '1.6.5',
			'SELECT file_id, filename, mtime FROM filestore WHERE user_id = $1 AND context = $2'
		],
		[
			'store key file', '1.4-git', '1.4-git',
			'INSERT INTO filestore (user_id, filename, mtime, data) VALUES($1, $2, $3, $4)'
		],
		[
			'store key file', '1.4', '1.4',
			q{INSERT INTO filestore (user_id, context, filename, mtime, data) VALUES($1, 'enigma', $2, $3, $4)}
		],
		[
			'store key file', '1.5', '1.6.5',
			'INSERT INTO filestore (user_id, context, filename, mtime, data) VALUES ($1, $2, $3, $4, $5)
			 ON CONFLICT (user_id, context, filename) DO UPDATE SET mtime = EXCLUDED.mtime, data = EXCLUDED.data'
		],
	],

	relations => [
		[
			'0.6', '0.6',
			{
				messages => { access => $all, unique  => [ [qw(user_id cache_key uid)] ] },
				contacts => { access => $all, columns => { email => 'character varying(255)' }, insert => \@contact },
				session  => { access => $all, columns => { sess_id => 'character varying(40)' } },
			}
		],
		[
			'0.7', '0.7',
			{
				contacts => {
					access  => $all,
					columns => { email => 'character varying(255)' },
					insert  => \@contact,
					indexes => [ [qw(user_id email)] ],
				},
			}
		],
		[ '0.8', '1.6.5', { contacts => { access => $all, insert => \@contact, indexes => [ [qw(user_id del)] ] } } ],
		[
			'0.6', '0.8',
			{
				users => {
					access  => $all,
					columns => { alias => 'character varying(128)', language => 'character varying(5)' },
					unique  => [ [qw(username mail_host)] ],
				},
			}
		],
		[
			'1.0', '1.4',
			{
				users => {
					access  => $all,
					columns => { language => 'character varying(5)' },
					unique  => [ [qw(username mail_host)] ],
				},
			}
		],
		# Writes the keys of one user's mail into a table of files; relies on nothing
		# but the columns it names.
		[
			'1.4-git', '1.4-git',
			{ filestore => { access => $all, insert => [qw(user_id filename mtime data)] } }
		],
		[
			'1.4', '1.6.5',
			{ filestore => { access => $all, insert => [qw(user_id context filename mtime data)] } }
		],
	],

	rows => q{
		INSERT INTO users (username, mail_host, preferences) VALUES ('ann', 'localhost', '');
		INSERT INTO identities (user_id, name, email) VALUES (1, 'Ann', 'ann@example.org');
		INSERT INTO contacts (user_id, name, email) VALUES (1, 'Bob', 'bob@example.org');
		INSERT INTO cache (user_id, cache_key, data) VALUES (1, 'key', 'data');
	},

	probes => [
		[
			'a new user', '0.6', '0.8',
			q{INSERT INTO users (created, last_login, username, mail_host, alias, language)
			  VALUES (now(), now(), 'bob', 'localhost', 'bob', 'en_US'); SELECT currval('user_ids')}
		],
		[
			'a new user', '1.0', '1.4',
			q{INSERT INTO users (created, last_login, username, mail_host, language)
			  VALUES (now(), now(), 'bob', 'localhost', 'en_US')}
		],
		[
			'a session', '0.6', '1.2',
			q{INSERT INTO session (sess_id, vars, ip, created, changed) VALUES ('abc', '', '192.0.2.1', now(), now())}
		],
		[ 'a session', '1.3', '1.6.5', q{INSERT INTO session (sess_id, vars, ip, changed) VALUES ('abc', '', '192.0.2.1', now())} ],
		[
			'a contact', @all,
			q{INSERT INTO contacts (user_id, changed, del, name, email, firstname, surname, vcard, words)
			  VALUES ('1', now(), 0, 'Eve', 'eve@example.org', '', '', '', '')}
		],
		[
			'an identity', @all,
			q{INSERT INTO identities (changed, name, email, organization, "reply-to", bcc, standard, signature,
			  html_signature, user_id) VALUES (now(), 'Ann', 'a@example.org', '', '', '', '0', '', '1', '1')}
		],
		[
			'a key file', '1.4-git', '1.4-git',
			q{INSERT INTO filestore (user_id, filename, mtime, data) VALUES('1', 'pubring.gpg', '1', '')}
		],
		[
			'a second response', '1.6.0', '1.6.5',
			q{INSERT INTO responses (changed, user_id, name, data, is_html) VALUES (now(), '1', 'yes', 'Yes.', '0');
			  INSERT INTO responses (changed, user_id, name, data, is_html) VALUES (now(), '1', 'no', 'No.', '0')}
		],
	],

	hops => [
		{
			from  => '0.6',
			to    => '0.7',
			steps => [
				script(
					'2011092800',
					why => 'The table of cached messages is dropped, along with six things that are new. Every page that 0.6
						shows with the message cache switched on would fail.',
					breaks   => { 'cached messages' => '42P01', 'cache message' => '42P01' },
					findings => ['block relation-missing relation messages'],
					follows  => [ 'access messages', 'unique messages (cache_key, uid, user_id)' ],
				),
				script('2011111600', why => 'session.sess_id widens from varchar(40) to varchar(128).'),
			],
		},
		{
			from  => '0.7',
			to    => '0.8',
			steps => [
				script(
					'2011121400',
					why => 'contacts.email widens from varchar(255) to text: the same on the wire. The index 0.7 sorts contacts
						with gets another second column: slower, not broken.',
					findings => ['warn index-missing index contacts (user_id, email)'],
				),
			],
		},
		{
			from  => '0.8',
			to    => '1.0',
			steps => [
				script(
					'2012080700',
					why => 'users.alias is dropped; 0.8 looks users up by it, writes it, and reads it with SELECT *. cache.cache_id
						is dropped; 0.8 reads it. Nobody can log in.',
					breaks => {
						'user'          => 'result',
						'user by name'  => 'result',
						'user by alias' => '42703',
						'create user'   => '42703',
						'read cache'    => '42703',
					},
					suffers  => { 'a new user' => '42703' },
					findings => ['block column-missing column users.alias'],
				),
				script('2013011000', why => 'A new table.'),
				script(
					'2013042700',
					why => 'The sequences get other names, and the defaults follow. But 0.8 asks currval() for the number of the
						row it has just written, by the old name.',
					breaks => {
						'id of new user'     => '42P01',
						'id of new identity' => '42P01',
						'id of new contact'  => '42P01',
					},
				),
				script('2013052500', why => 'A new table.'),
				script(
					'2013061000',
					why => 'The caches of messages lose the column "changed" for "expires". (cache itself gains one and keeps
						"created", so 0.8 can still write there.) The script does it in the order one should: add, fill,
						drop; only the drop came a version too early.',
					breaks => {
						'cache message'  => '42703',
						'renew index'    => '42703',
						'expire threads' => '42703',
					},
				),
			],
		},
		{
			from  => '1.0',
			to    => '1.2',
			steps => [
				script('2014042900', why => 'Empty.'),
				script('2015030800', why => 'Empty.'),
				script(
					'2015111100',
					why => 'Two nullable columns on users, which 1.0 reads with SELECT *: it gets more than it asked for, and
						drivers that keep prepared statements get an error once. Not worth stopping anything.',
					breaks => { 'user' => 'grew', 'user by name' => 'grew', 'user by alias' => 'grew' },
				),
			],
		},
		{
			from  => '1.2',
			to    => '1.3',
			steps => [
				script(
					'2016081200',
					why     => 'session.created is dropped; 1.2 writes it whenever a session begins. Nobody can log in.',
					breaks  => { 'write session' => '42703' },
					suffers => { 'a session' => '42703' },
				),
				script(
					'2016100900',
					why => 'session.ip becomes varchar(41), which it is already where it was not upgraded from before 0.6.',
				),
				script(
					'2016112200',
					why => 'Two tables are dropped and made anew under their names in the same transaction. What counts is what
						is there at the end: the column "created" is not.',
					breaks => {
						'read cache'         => '42703',
						'write cache'        => '42703',
						'write shared cache' => '42703',
					},
				),
			],
		},
		{
			from  => '1.3',
			to    => '1.4-git',
			steps => [ script('2018021600', why => 'A new table.') ],
		},
		{
			from  => '1.4-git',
			to    => '1.4',
			steps => [
				script(
					'2018122300',
					why => 'A column is added, filled, and made NOT NULL: right for the rows that are there, fatal for the INSERT of
						a version that does not know it. It plans without an error; only executing it would tell.',
					suffers  => { 'a key file' => '23502' },
					findings => [
						'block insert-needs-column insert filestore',
						'block insert-needs-column query store key file',
					],
				),
			],
		},
		{
			from  => '1.4',
			to    => '1.5',
			steps => [
				script('2019092900', why => 'Empty.'),
				script('2020020100', why => 'Languages widen from varchar(5) to varchar(16).'),
				script('2020020101', why => 'Empty.'),
				script('2020091000', why => 'A new table.'),
				script(
					'2020122900',
					why => 'users.preferences may be null, and is when it is left out. 1.4 leaves it out, and asks whether it is
						empty before it reads it; it never said that it must not be null.',
				),
			],
		},
		{
			from  => '1.5',
			to    => '1.6.0',
			steps => [
				script(
					'2021081000',
					why => 'A new table; and identities.html_signature narrows from integer to smallint. 1.5 reads it with SELECT *
						and writes it: a typed client would fail on both. (PHP gets and sends text, and would not. The
						guard cannot know that, and a contract cannot yet say it of a query.)',
					breaks => { 'identities' => 'result', 'add identity' => 'parameter' },
				),
				script('2021100300', why => 'For SQLite only.'),
			],
		},
		{
			from  => '1.6.0',
			to    => '1.6.5',
			steps => [
				script(
					'2022081200',
					why => 'A unique index of 1.6.0 that allowed each user one response becomes a plain one. 1.6.0 never relied
						on it: it suffered from it.',
					suffers => { 'a second response' => 'ok' },
				),
			],
		},
	],
};
