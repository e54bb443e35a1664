#!/usr/bin/env node
/*
 * customers.js VERSION
 *
 * A service that tells compat_guard what it needs and that it is running.  Connects as the
 * PG* variables say, serves until SIGTERM, then prints one line of JSON.  Needs pg.
 */
'use strict';

const fs = require('fs');
const os = require('os');
const path = require('path');
const { setTimeout: sleep } = require('timers/promises');
const { Pool } = require('pg');

const APP = 'customers';
const VERSION = process.argv[2];
const INSTANCE = process.env.INSTANCE || `${os.hostname()}-${process.pid}`;
const LEASE_SECONDS = Number(process.env.LEASE_SECONDS || 30);
const LEASE = `${LEASE_SECONDS} seconds`;
const CLIENTS = 3;

// Take the statements from the contract, so that what is registered is what is sent.
const CONTRACT = fs.readFileSync(path.join(__dirname, `contract-${VERSION}.json`), 'utf8');
const QUERIES = JSON.parse(CONTRACT).queries;

// Have one connection more than clients, so that a heartbeat need not wait for one.
const pool = new Pool({ max: CLIENTS + 1 });
const served = { requests: 0, errors: 0 };
const stop = new AbortController();

const log = (message) => console.error(`${INSTANCE}: ${message}`);
const pause = (ms) => sleep(ms, null, { signal: stop.signal }).catch(() => {});

function failed(error) {
	served.errors++;
	log(`error: ${error.code} ${error.message}`);
}

async function register() {
	const { rows: [{ status, unmet }] } = await pool.query(
		'SELECT status, unmet FROM compat_guard.register($1, $2, $3, $4, $5)',
		[APP, VERSION, CONTRACT, INSTANCE, LEASE]);
	log(`registered, ${status}, ${unmet} requirements unmet`);
}

/*
 * Renew the lease.  Any connection will do, also one through a pooler.  If this process
 * dies, its lease runs out.
 */
async function heartbeats() {
	for (;;) {
		await pause(LEASE_SECONDS * 1000 / 3);
		if (stop.signal.aborted)
			return;
		try {
			await pool.query('SELECT compat_guard.heartbeat($1, $2, $3, $4)',
				[APP, VERSION, INSTANCE, LEASE]);
		} catch (error) {
			failed(error);
			if (error.code === 'VG015')		// retired: nothing protects it any more
				stop.abort();
		}
	}
}

// Wait for the migration, a second at a time, to notice SIGTERM.
async function waitUntilReady() {
	while (!stop.signal.aborted) {
		const { rows: [{ ready }] } = await pool.query(
			"CALL compat_guard.wait_until_ready($1, $2, '1 second')", [APP, VERSION]);
		if (ready)
			return true;
	}
	return false;
}

// Prepare a statement once for each connection.  It lists its columns, so it stays valid when there are more.
const run = (client, name, values) => client.query({ name, text: QUERIES[name], values });

// Do one piece of this service's work.
async function request(number) {
	const client = await pool.connect();
	try {
		await client.query('BEGIN');
		const { rows: [{ id }] } = await run(client, 'add', [INSTANCE, '0']);
		await run(client, 'change', [number, id]);
		await client.query('COMMIT');

		const { rows: [found] } = await run(client, 'find', [id]);
		const values = Object.values(found);
		if (values[0] !== INSTANCE || values[1] !== number)
			throw new Error(`wrote ${number}, read ${values}`);
		client.release();
	} catch (error) {
		client.release(error);		// closes the connection, and so ends its transaction
		throw error;
	}
}

async function serve() {
	while (!stop.signal.aborted) {
		try {
			await request(String(served.requests));
			served.requests++;
		} catch (error) {
			failed(error);
		}
		await pause(20);
	}
}

async function main() {
	process.on('SIGTERM', () => stop.abort());
	pool.on('error', failed);

	await register();
	// Send heartbeats from the beginning, because waiting may take longer than the lease.
	const beating = heartbeats();
	if (await waitUntilReady()) {
		log('serving');
		await Promise.all(Array.from({ length: CLIENTS }, serve));
	}

	// Leave after the last heartbeat, because a heartbeat would renew the lease.
	await beating;
	await pool.query('SELECT compat_guard.leave($1, $2, $3)', [APP, VERSION, INSTANCE]);
	await pool.end();
	console.log(JSON.stringify({ version: VERSION, instance: INSTANCE, ...served }));
}

main();
