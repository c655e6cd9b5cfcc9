import { afterEach, describe, expect, test, vi } from 'vitest';
import { randomFor } from '../../examples/random.ts';
import { openPipeline, type Pipeline } from './harness.ts';
import { startOwnPostgres, type OwnPostgres } from './own-postgres.ts';
import { until } from './until.ts';

const LEDGER = 'CREATE TABLE ledger (id int PRIMARY KEY, n int NOT NULL)';

afterEach(() => {
  vi.unstubAllEnvs();
});

/** A pipeline that has captured one row and whose producer has ended. */
async function openStopped(): Promise<Pipeline> {
  const pipeline = await openPipeline({ sql: LEDGER });
  const producer = pipeline.start('producer');
  await pipeline.database.query('INSERT INTO ledger VALUES (1, 1)');
  await pipeline.untilCaptured();
  await producer.end('SIGTERM');
  await slotIsFree(pipeline);
  return pipeline;
}

/** The same on a server of the test's own. */
async function openStoppedOn(server: OwnPostgres): Promise<Pipeline> {
  vi.stubEnv('DATABASE_URL', server.url);
  return openStopped();
}

function slotIsFree({ database, slot }: Pipeline): Promise<true> {
  return until('the slot is free', async () => {
    const [row] = await database.query<{ active: boolean }>(
      'SELECT active FROM pg_replication_slots WHERE slot_name = $1',
      [slot],
    );
    return row?.active === false;
  });
}

/** Starts the producer and expects it to stop for good; returns what it told. */
async function expectLost(pipeline: Pipeline): Promise<string> {
  const { exitCode, stderr } = await pipeline.start('producer').ended;
  expect({ exitCode, stderr }).toMatchObject({
    exitCode: 7,
    stderr: expect.stringMatching(
      /^error POSITION_LOST: the position in the WAL is lost: .*\n {2}fix: /m,
    ) as string,
  });
  return /^error POSITION_LOST: (.*)$/m.exec(stderr)?.[1] ?? '';
}

function addressOn(server: OwnPostgres, { database }: Pipeline): { url: string } {
  const url = new URL(server.url);
  url.pathname = `/${database.name}`;
  return { url: url.href };
}

async function ledgerKeys(pipeline: Pipeline): Promise<string[]> {
  const records = await pipeline.records('public.ledger');
  return [...new Set(records.map(({ key }) => key.toString()))];
}

describe('the position is lost, and the producer stops with exit 7', () => {
  test('when another reader has moved the slot on', async () => {
    await using pipeline = await openStopped();
    const { database, slot } = pipeline;
    await database.query('INSERT INTO ledger VALUES (2, 2)');
    await database.query('SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())', [slot]);
    expect(await expectLost(pipeline)).toContain(`beyond`);
  });

  test('when the slot was dropped and made anew by hand', async () => {
    await using pipeline = await openStopped();
    const { database, slot } = pipeline;
    await database.query('INSERT INTO ledger VALUES (2, 2)');
    await database.query('SELECT pg_drop_replication_slot($1)', [slot]);
    await database.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
    expect(await expectLost(pipeline)).toContain('made anew');
  });

  test('when a slot of another plugin has taken its name', async () => {
    await using pipeline = await openStopped();
    const { database, slot } = pipeline;
    await database.query('SELECT pg_drop_replication_slot($1)', [slot]);
    await database.query("SELECT pg_create_logical_replication_slot($1, 'test_decoding')", [slot]);
    expect(await expectLost(pipeline)).toContain('plugin test_decoding');
  });

  test('when Postgres has removed WAL that the slot needed', async () => {
    await using server = await startOwnPostgres({ max_slot_wal_keep_size: '1MB', max_wal_size: '32MB' });
    await using pipeline = await openStoppedOn(server);
    await until('the slot is lost', async () => {
      await server.query("SELECT pg_logical_emit_message(false, 'filler', repeat('x', 1000000))");
      await server.query('SELECT pg_switch_wal()');
      await server.query('CHECKPOINT');
      const [row] = await server.query<{ status: string }>(
        'SELECT wal_status AS status FROM pg_replication_slots',
      );
      return row?.status === 'lost';
    });
    expect(await expectLost(pipeline)).toContain('max_slot_wal_keep_size');
  });

  test('when source.url names another server', async () => {
    await using pipeline = await openStopped();
    await using server = await startOwnPostgres();
    await server.query(`CREATE DATABASE ${pipeline.database.name}`);
    await server.query(LEDGER, pipeline.database.name);
    pipeline.configure(addressOn(server, pipeline));
    expect(await expectLost(pipeline)).toContain('system identifier');
  });

  test('when the server was restored to an earlier point', async () => {
    await using server = await startOwnPostgres();
    await using pipeline = await openStoppedOn(server);
    await using restored = await copyOf(server);
    await captureRow(pipeline, 2);
    await restored.start();
    pipeline.configure(addressOn(restored, pipeline));
    expect(await expectLost(pipeline)).toContain('restored to an earlier point');
  });

  test('when a standby was promoted that lacked what was captured already', async () => {
    await using server = await startOwnPostgres();
    await using pipeline = await openStoppedOn(server);
    await using standby = await copyOf(server);
    await captureRow(pipeline, 2);
    await standby.promote();
    // Its WAL grows beyond the place that was read, so that only the timeline can tell.
    await standby.query("SELECT pg_logical_emit_message(true, 'filler', repeat('x', 5000000))");
    pipeline.configure(addressOn(standby, pipeline));
    expect(await expectLost(pipeline)).toContain('promoted or restored at');
  });
});

/** Stops the server for the copy. */
async function copyOf(server: OwnPostgres): Promise<OwnPostgres> {
  await server.stop();
  const copy = await server.copy();
  await server.start();
  return copy;
}

/** The harness' own connection does not survive a restart of the server. */
async function captureRow(pipeline: Pipeline, id: number): Promise<void> {
  const client = await pipeline.database.connect();
  const producer = pipeline.start('producer');
  await client.query('INSERT INTO ledger VALUES ($1, 0)', [id]);
  await until('the row is captured', async () => (await ledgerKeys(pipeline)).length === id);
  await producer.end('SIGTERM');
}

test('a promoted standby that had everything is gone on with, and nothing is missing or twice', async () => {
  await using server = await startOwnPostgres();
  await using pipeline = await openStoppedOn(server);
  await using standby = await copyOf(server);
  await server.stop();
  await standby.promote();
  const { url } = addressOn(standby, pipeline);
  vi.stubEnv('DATABASE_URL', standby.url);
  pipeline.configure({ url });
  await standby.query('INSERT INTO ledger VALUES (2, 2)', pipeline.database.name);
  const producer = pipeline.start('producer');
  await until(
    'the row of the new timeline is captured',
    async () => (await ledgerKeys(pipeline)).length === 2,
  );
  expect(await producer.end('SIGTERM')).toMatchObject({ exitCode: 0 });
  expect(await pipeline.records('public.ledger')).toHaveLength(2);
  // The record now names the new timeline, so the old server is refused.
  await standby.stop();
  await server.start();
  vi.stubEnv('DATABASE_URL', server.url);
  pipeline.configure(addressOn(server, pipeline));
  expect(await expectLost(pipeline)).toContain('does not come from timeline 2');
});

test('a foreign slot of the same name stops the first start with exit 5 and is left alone', async () => {
  await using pipeline = await openPipeline({ sql: LEDGER });
  const { database, slot } = pipeline;
  await database.query("SELECT pg_create_logical_replication_slot($1, 'test_decoding')", [slot]);
  const { exitCode, stderr } = await pipeline.start('producer').ended;
  expect(exitCode).toBe(5);
  expect(stderr).toMatch(/^error SLOT_FOREIGN: .*plugin test_decoding/m);
  const [row] = await database.query<{ plugin: string }>(
    'SELECT plugin FROM pg_replication_slots WHERE slot_name = $1',
    [slot],
  );
  expect(row?.plugin).toBe('test_decoding');
});

test('a new slot is one that standbys copy, unless the config says otherwise', async () => {
  const failoverOf = async (source: Record<string, unknown>) => {
    await using pipeline = await openPipeline({ sql: LEDGER, source });
    pipeline.start('producer');
    await pipeline.untilCaptured();
    const [row] = await pipeline.database.query<{ failover: boolean }>(
      'SELECT failover FROM pg_replication_slots WHERE slot_name = $1',
      [pipeline.slot],
    );
    return row?.failover;
  };
  expect(await failoverOf({})).toBe(true);
  expect(await failoverOf({ failoverSlot: false })).toBe(false);
});

test('the slot of an idle database moves on while another database writes', async () => {
  await using idle = await openPipeline({ sql: LEDGER });
  idle.start('producer');
  await idle.untilCaptured();
  await using busy = await openPipeline({ sql: LEDGER });
  const restartLsn = async () => {
    const [row] = await idle.database.query<{ lsn: string }>(
      "SELECT (restart_lsn - '0/0')::text AS lsn FROM pg_replication_slots WHERE slot_name = $1",
      [idle.slot],
    );
    return BigInt(row?.lsn ?? 0);
  };
  await busy.database.query('INSERT INTO ledger SELECT g, g FROM generate_series(1, 20000) g');
  const [written] = await busy.database.query<{ lsn: string }>(
    "SELECT (pg_current_wal_lsn() - '0/0')::text AS lsn",
  );
  await until('the WAL of the other database can be removed', async () => {
    // The slot's start moves to snapshots that Postgres logs at checkpoints.
    await busy.database.query('CHECKPOINT');
    return (await restartLsn()) >= BigInt(written?.lsn ?? 0);
  });
});

describe('metrics', () => {
  test('with a limit tell how much WAL and time is left until the slot is lost', async () => {
    await using server = await startOwnPostgres({ max_slot_wal_keep_size: '256MB' });
    vi.stubEnv('DATABASE_URL', server.url);
    await using pipeline = await openPipeline({ sql: LEDGER });
    const producer = pipeline.start('producer');
    await pipeline.untilCaptured();
    const seconds = await until('the rate is known', () => producer.metric('tailrace_slot_seconds_to_loss'));
    const safe = (await producer.metric('tailrace_slot_safe_bytes')) ?? 0;
    expect(safe).toBeGreaterThan(100 * 2 ** 20);
    expect(safe).toBeLessThanOrEqual(300 * 2 ** 20);
    // Heartbeats of some hundred bytes leave hours; the load must bring it down by orders of magnitude.
    await pipeline.database.query(
      "SELECT pg_logical_emit_message(true, 'filler', repeat('x', 1000000)) FROM generate_series(1, 20)",
    );
    await until('the forecast follows the load', async () => {
      const now = await producer.metric('tailrace_slot_seconds_to_loss');
      return now !== undefined && now < seconds / 10;
    });
    expect(await producer.metric('tailrace_slot_active')).toBe(1);
  });

  test('without a limit name no time, and tell the slot also while a standby waits', async () => {
    await using pipeline = await openPipeline({ sql: LEDGER });
    pipeline.start('producer');
    await pipeline.untilCaptured();
    const standby = pipeline.start('producer');
    await until('it stands by', async () => (await standby.status('producer')).state === 'standby');
    await until('the slot is shown', async () => (await standby.metric('tailrace_slot_active')) === 1);
    expect(await standby.metric('tailrace_slot_retained_bytes')).toBeGreaterThan(0);
    expect(await standby.metric('tailrace_slot_safe_bytes')).toBeUndefined();
    expect(await standby.metric('tailrace_slot_seconds_to_loss')).toBeUndefined();
  });
});

test('a standby takes over when the producer is killed under load, and every row is there', async () => {
  await using pipeline = await openPipeline({ sql: LEDGER, sinks: { cache: 'redis' } });
  const first = pipeline.start('producer');
  await pipeline.untilCaptured();
  const second = pipeline.start('producer');
  await until('the second stands by', async () => (await second.status('producer')).state === 'standby');
  const stop = new AbortController();
  const load = (async () => {
    const client = await pipeline.database.connect();
    const random = randomFor(7);
    let rows = 0;
    while (!stop.signal.aborted) {
      const count = random.between(1, 20);
      await client.query('INSERT INTO ledger SELECT g, 0 FROM generate_series($1::int, $2::int) g', [
        rows + 1,
        rows + count,
      ]);
      rows += count;
    }
    return rows;
  })();
  await until('rows flow', async () => (await pipeline.records('public.ledger')).length > 50);
  await first.end('SIGKILL');
  await until(
    'the second streams',
    async () => (await second.status('producer')).state === 'running',
    10_000,
  );
  stop.abort();
  const rows = await load;
  pipeline.start('sink', 'cache');
  await pipeline.untilCaughtUp();
  await pipeline.expectEqual(['public.ledger']);
  expect(await ledgerKeys(pipeline)).toHaveLength(rows);
});

describe('tailrace slot', () => {
  test('status tells where the slot stands, and exit 3 that there is none', async () => {
    await using pipeline = await openPipeline({ sql: LEDGER });
    expect(await pipeline.tailrace('slot', 'status')).toMatchObject({ exitCode: 3, stdout: '' });
    pipeline.start('producer');
    await pipeline.untilCaptured();
    const { exitCode, stdout } = await pipeline.tailrace('slot', 'status', '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      slot: pipeline.slot,
      active: true,
      plugin: 'pgoutput',
      database: pipeline.database.name,
      invalidation: null,
      safeBytes: null,
    });
  });

  test('drop refuses an active slot, shows its plan, drops only with --yes, and frees the WAL', async () => {
    await using pipeline = await openPipeline({ sql: LEDGER });
    const producer = pipeline.start('producer');
    await pipeline.untilCaptured();
    const refused = await pipeline.tailrace('slot', 'drop', '--yes');
    expect(refused).toMatchObject({ exitCode: 5, stdout: '' });
    expect(refused.stderr).toMatch(
      /^error SLOT_IN_USE: .*\n {2}fix: stop the producers of this pipeline first/,
    );
    await producer.end('SIGTERM');
    await slotIsFree(pipeline);
    const plan = await pipeline.tailrace('slot', 'drop', '--dry-run');
    expect(plan).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(pipeline.slot) as string });
    expect(await pipeline.tailrace('slot', 'drop')).toMatchObject({ exitCode: 2 });
    expect((await pipeline.tailrace('slot', 'status')).exitCode).toBe(0);
    const dropped = await pipeline.tailrace('slot', 'drop', '--yes', '--json');
    expect(JSON.parse(dropped.stdout)).toMatchObject({ slot: pipeline.slot, dropped: true });
    expect((await pipeline.tailrace('slot', 'status')).exitCode).toBe(3);
  });
});
