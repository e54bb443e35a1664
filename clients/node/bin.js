#!/usr/bin/env node
// compat-guard-drizzle SCHEMA contract | register | check

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { contract } from './contract.js';

const [READY, NOT_READY, FAILED] = [0, 1, 2];

const USAGE = `usage: compat-guard-drizzle SCHEMA COMMAND [OPTION]...

SCHEMA is the module that exports the tables, views and enums.
  contract   print the contract
  register   register it for a version of an application
  check      ask whether the schema has what the version needs; nothing is stored

  --app NAME              the name of the application
  --app-version VERSION   the version that this schema belongs to
  --replaces VERSION      the version whose place it takes
  --role ROLE             the role whose privileges count, unless it is the one that registers
  --search-path PATH      the search_path, unless it is that of the session
  --read-only TABLE       a table that is never written; may be repeated
  --url URL               the database; default: DATABASE_URL, then PGHOST and so on
`;

class UsageError extends Error {}

function readArguments() {
  const text = { type: 'string' };
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        app: text,
        'app-version': text,
        replaces: text,
        role: text,
        'search-path': text,
        'read-only': { type: 'string', multiple: true },
        url: text,
        help: { type: 'boolean' },
      },
    });
  } catch (e) {
    throw new UsageError(e.message);
  }
  const { values, positionals } = parsed;
  const [schema, command, ...rest] = positionals;
  if (values.help) return { command: 'help' };
  if (rest.length || !['contract', 'register', 'check'].includes(command)) {
    throw new UsageError('a schema and one of contract, register and check are needed');
  }
  if (command !== 'contract' && !(values.app && values['app-version'])) {
    throw new UsageError(`${command} needs --app and --app-version`);
  }
  return { schema, command, ...values };
}

async function row(options, sql, values) {
  const url = options.url ?? process.env.DATABASE_URL;
  const client = new pg.Client(url ? { connectionString: url } : {});
  await client.connect();
  try {
    return (await client.query(sql, values)).rows[0];
  } finally {
    await client.end();
  }
}

async function main() {
  const options = readArguments();
  if (options.command === 'help') {
    process.stdout.write(USAGE);
    return READY;
  }

  const document = contract(await import(pathToFileURL(resolve(options.schema))), {
    role: options.role,
    searchPath: options['search-path'],
    readOnly: options['read-only'],
  });
  const name = `${options.app} ${options['app-version']}`;
  const values = [options.app, options['app-version'], JSON.stringify(document)];

  if (options.command === 'contract') {
    console.log(JSON.stringify(document, null, 2));
    return READY;
  }
  if (options.command === 'register') {
    const { status, requirements, unmet } = await row(
      options,
      'SELECT status, requirements, unmet FROM compat_guard.register($1, $2, $3, replaces => $4)',
      [...values, options.replaces ?? null],
    );
    console.log(`${name}: ${status}, ${requirements} requirements, ${unmet} unmet`);
    return READY;
  }
  const { ready, reasons } = await row(
    options,
    'SELECT ready, reasons FROM compat_guard.can_deploy($1, $2, $3)',
    values,
  );
  console.log(`${name}: ${ready ? 'ready' : 'not ready'}`);
  for (const reason of reasons ?? []) console.log(`- ${reason}`);
  return ready ? READY : NOT_READY;
}

try {
  process.exitCode = await main();
} catch (e) {
  process.exitCode = FAILED;
  console.error(`compat-guard-drizzle: ${e.message}${e.detail ? `\n${e.detail}` : ''}`);
  if (e instanceof UsageError) process.stderr.write(`\n${USAGE}`);
}
