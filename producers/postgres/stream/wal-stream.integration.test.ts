import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseLsn } from '../../../schemas/lsn.ts';
import { openSourceDatabase, type SourceDatabase } from '../../../test/pipeline/source-database.ts';
import { until } from '../../../test/pipeline/until.ts';
import { openWalStream, type WalItem, type WalSource, type WalStream } from './wal-stream.ts';

let database: SourceDatabase;
let slots = 0;

beforeAll(async () => {
  database = await openSourceDatabase();
  await database.query(`
    CREATE TABLE items (id int PRIMARY KEY, body text);
    CREATE TABLE others (id int PRIMARY KEY);
    CREATE PUBLICATION "first's ""one""" FOR TABLE items;
    CREATE PUBLICATION second FOR TABLE others;`);
});

afterAll(() => database[Symbol.asyncDispose]());

interface Reading extends AsyncDisposable {
  readonly wal: WalStream;
  /** The next items; fails when the stream has ended. */
  next(): Promise<readonly WalItem[]>;
  /** Reads on until the transaction with this number of commits before it, and returns all items since the last call. */
  commits(count: number): Promise<readonly WalItem[]>;
}

/** An empty table, and a slot that starts with what comes now. */
async function newSlot(): Promise<string> {
  await database.query('TRUNCATE items');
  const slot = `${database.name}_${slots++}`;
  await database.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
  return slot;
}

async function confirmed(slot: string): Promise<bigint> {
  const [row] = await database.query<{ lsn: string }>(
    'SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = $1',
    [slot],
  );
  return parseLsn(row?.lsn ?? '');
}

/** What the server's sender for this slot does; undefined while there is none. */
async function sender(slot: string): Promise<{ pid: number; sent: bigint; replied: string } | undefined> {
  const [row] = await database.query<{ pid: number; sent: string; replied: string }>(
    `SELECT pid, sent_lsn::text AS sent, coalesce(reply_time::text, '') AS replied
       FROM pg_stat_replication JOIN pg_replication_slots ON active_pid = pid WHERE slot_name = $1`,
    [slot],
  );
  return row && { ...row, sent: parseLsn(row.sent) };
}

/** Opens the stream once the slot is free: the server lets go of it a moment after the connection. */
async function open(slot: string, options: Partial<WalSource> = {}): Promise<Reading> {
  await until('the slot is free', async () => (await sender(slot)) === undefined);
  const wal = openWalStream({
    url: database.url,
    slot,
    publications: [`first's "one"`, 'second'],
    confirmedLsn: await confirmed(slot),
    ...options,
  });
  const iterator = wal[Symbol.asyncIterator]();
  const next = async () => {
    const step = await iterator.next();
    if (step.done === true) throw new Error('the stream has ended');
    return step.value;
  };
  return {
    wal,
    next,
    commits: async (count) => {
      const items: WalItem[] = [];
      let seen = 0;
      while (seen < count) {
        const read = await next();
        items.push(...read);
        seen += read.filter(isCommit).length;
      }
      return items;
    },
    [Symbol.asyncDispose]: () => wal.close(),
  };
}

function isCommit(item: WalItem): boolean {
  return 'message' in item && item.message.tag === 'commit';
}

function messages(items: readonly WalItem[]) {
  return items.flatMap((item) => ('message' in item ? [item.message] : []));
}

function insertedIds(items: readonly WalItem[]): number[] {
  return messages(items).flatMap((message) => (message.tag === 'insert' ? [Number(message.after[0])] : []));
}

function commitEnds(items: readonly WalItem[]): bigint[] {
  return messages(items).flatMap((message) => (message.tag === 'commit' ? [message.endLsn] : []));
}

/** Each row a transaction of its own, one directly behind the other. */
async function insertEach(first: number, last: number, body = 'x'): Promise<void> {
  await database.query(
    `DO $$ BEGIN FOR id IN ${first}..${last} LOOP INSERT INTO items VALUES (id, '${body}'); COMMIT; END LOOP; END $$`,
  );
}

const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe('acknowledgement', () => {
  test('of each commit in turn loses and repeats none of 120 back-to-back transactions', async () => {
    const slot = await newSlot();
    await insertEach(1, 120);
    for (const id of range(1, 120)) {
      await using reading = await open(slot);
      const items = await reading.commits(1);
      expect(insertedIds(items)[0]).toBe(id);
      const [end] = commitEnds(items);
      if (end === undefined) throw new Error('no commit came');
      reading.wal.acknowledge(end);
      await until('the server has it', async () => (await confirmed(slot)) === end);
    }
    await insertEach(121, 121);
    await using reading = await open(slot);
    expect(insertedIds(await reading.commits(1))).toEqual([121]);
  });

  test('of the last commit is sent before the connection is closed', async () => {
    const slot = await newSlot();
    await insertEach(1, 3);
    const reading = await open(slot);
    const ends = commitEnds(await reading.commits(3));
    for (const end of ends) reading.wal.acknowledge(end);
    await reading.wal.close();
    await until('the server has it', async () => (await confirmed(slot)) === ends[2]);
  });

  test('moves only by what was told, however often the server hears from an idle stream', async () => {
    const slot = await newSlot();
    await insertEach(1, 5);
    const before = await confirmed(slot);
    await using reading = await open(slot, { statusIntervalMs: 20 });
    await reading.commits(5);
    const replies = new Set<string>();
    await until('ten status messages were sent', async () => {
      replies.add((await sender(slot))?.replied ?? '');
      return replies.size > 10;
    });
    expect(await confirmed(slot)).toBe(before);
  });

  test('decides where the next stream begins', async () => {
    const slot = await newSlot();
    await insertEach(1, 5);
    {
      await using reading = await open(slot);
      const ends = commitEnds(await reading.commits(5));
      reading.wal.acknowledge(ends[2] ?? 0n);
      reading.wal.acknowledge(ends[0] ?? 0n);
    }
    await using reading = await open(slot);
    expect(insertedIds(await reading.commits(2))).toEqual([4, 5]);
  });
});

describe('a slow reader', () => {
  test('that throws loses nothing', async () => {
    const slot = await newSlot();
    await insertEach(1, 10);
    const wal = openWalStream({
      url: database.url,
      slot,
      publications: [`first's "one"`],
      confirmedLsn: await confirmed(slot),
    });
    const reading = (async () => {
      for await (const items of wal) {
        if (messages(items).some((message) => message.tag === 'insert')) throw new Error('the disk is full');
      }
    })();
    await expect(reading).rejects.toThrow('the disk is full');
    await wal.close();
    await using again = await open(slot);
    expect(insertedIds(await again.commits(10))).toEqual(range(1, 10));
  });

  test('holds back the server: it stops sending, and goes on where it stopped', async () => {
    const slot = await newSlot();
    await database.query(`
      DO $$ BEGIN FOR part IN 0..79 LOOP
        INSERT INTO items SELECT part * 1000 + g, repeat(md5((part * 1000 + g)::text), 32) FROM generate_series(1, 1000) g;
        COMMIT;
      END LOOP; END $$`);
    const from = await confirmed(slot);
    await using reading = await open(slot);
    let [last, same] = [0n, 0];
    await until('the server sends no more', async () => {
      const sent = (await sender(slot))?.sent ?? 0n;
      same = sent === last ? same + 1 : 0;
      last = sent;
      return sent > from && same === 20;
    });
    // What waits here and in the buffers of both sockets, of 80 MB.
    expect(Number(last - from)).toBeLessThan(40_000_000);
    const heldAt = reading.wal.lastHeardAt;
    expect(insertedIds(await reading.commits(80))).toEqual(range(1, 80_000));
    expect(reading.wal.lastHeardAt).toBeGreaterThan(heldAt ?? Infinity);
  });

  test('whose stream is closed while the server is held back frees the slot', async () => {
    const slot = await newSlot();
    await database.query(
      `INSERT INTO items SELECT g, repeat(md5(g::text), 32) FROM generate_series(1, 40000) g`,
    );
    const reading = await open(slot);
    await reading.next();
    await reading.wal.close();
    await until('the slot is free', async () => (await sender(slot)) === undefined);
  });

  describe('of a server that ends silent connections after two seconds', () => {
    beforeAll(() => database.query(`ALTER DATABASE ${database.name} SET wal_sender_timeout = '2s'`));
    afterAll(() => database.query(`ALTER DATABASE ${database.name} RESET wal_sender_timeout`));

    /** The one sender that has been at it for more than two timeouts. */
    async function outlast(slot: string): Promise<void> {
      const pid = await until('there is a sender', async () => (await sender(slot))?.pid);
      await until('two timeouts have passed', async () => {
        const [row] = await database.query<{ old: boolean }>(
          "SELECT clock_timestamp() - backend_start > '5s' AS old FROM pg_stat_activity WHERE pid = $1",
          [pid],
        );
        if (row === undefined) throw new Error('the server has ended the connection');
        return row.old;
      });
      expect((await sender(slot))?.pid).toBe(pid);
    }

    test('keeps its connection while the socket is held and no keepalive can be read', async () => {
      const slot = await newSlot();
      await database.query(
        `INSERT INTO items SELECT g, repeat(md5(g::text), 32) FROM generate_series(1, 40000) g`,
      );
      await using reading = await open(slot);
      await outlast(slot);
      expect(insertedIds(await reading.commits(1))).toEqual(range(1, 40_000));
    });

    test('keeps its connection since a keepalive that asks is answered before the reader sees it', async () => {
      const slot = await newSlot();
      await using reading = await open(slot, { statusIntervalMs: 3_600_000 });
      await outlast(slot);
      await insertEach(1, 1);
      expect(insertedIds(await reading.commits(1))).toEqual([1]);
    });
  });
});

describe('messages', () => {
  test('have exact values: microseconds, long numbers in jsonb, and unchanged TOAST apart from null', async () => {
    const slot = await newSlot();
    await database.query(`
      CREATE TABLE kinds (id int PRIMARY KEY, at timestamptz, doc jsonb, long text, none text);
      ALTER TABLE kinds ALTER long SET STORAGE EXTERNAL;
      ALTER PUBLICATION second ADD TABLE kinds`);
    await database.query(`INSERT INTO kinds VALUES
      (1, '2026-01-01 00:00:00.123456+00', '{"n": 12345678901234567890.000000001}', repeat('x', 10000), NULL)`);
    await database.query('UPDATE kinds SET id = 2');
    await using reading = await open(slot);
    const [insert, update] = messages(await reading.commits(2)).filter(
      (message) => message.tag === 'insert' || message.tag === 'update',
    );
    const exact = ['2026-01-01 00:00:00.123456+00', '{"n": 12345678901234567890.000000001}'];
    expect(insert).toMatchObject({ after: ['1', ...exact, 'x'.repeat(10_000), null] });
    expect(update).toMatchObject({ oldKind: 'key', before: ['1', null, null, null, null] });
    expect(update && 'after' in update && update.after).toStrictEqual(['2', ...exact, undefined, null]);
  });

  test('have the commit time in microseconds and the transaction id of the server', async () => {
    const slot = await newSlot();
    const [row] = await database.query<{ xid: string; us: string }>(`
      INSERT INTO items VALUES (1, '')
        RETURNING pg_current_xact_id()::xid::text AS xid, (extract(epoch FROM now()) * 1000000)::bigint::text AS us`);
    await using reading = await open(slot);
    const [begin] = messages(await reading.commits(1));
    if (begin?.tag !== 'begin') throw new Error('a transaction does not start with begin');
    expect(begin.xid).toBe(Number(row?.xid));
    const [after] = await database.query<{ us: string }>(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text AS us',
    );
    expect(begin.commitTsUs).toBeGreaterThanOrEqual(Number(row?.us));
    expect(begin.commitTsUs).toBeLessThan(Number(after?.us));
  });

  test('of all publications come in the order of their commits, logical messages among them', async () => {
    const slot = await newSlot();
    await database.query("INSERT INTO items VALUES (1, '')");
    await database.query('INSERT INTO others VALUES (2)');
    await database.query("SELECT pg_logical_emit_message(true, 'tailrace', 'größe')");
    await using reading = await open(slot);
    const items = messages(await reading.commits(3));
    const names = items.flatMap((message) => (message.tag === 'relation' ? [message.name] : []));
    expect(names).toEqual(['items', 'others']);
    expect(items.at(-2)).toMatchObject({ tag: 'message', transactional: true, content: 'größe' });
  });

  test('end with an error of the source behind all that came before it, when the connection breaks', async () => {
    const slot = await newSlot();
    await insertEach(1, 3);
    await using reading = await open(slot);
    await until('all was sent', async () => {
      const [row] = await database.query<{ sent: boolean }>(
        'SELECT sent_lsn = pg_current_wal_lsn() AS sent FROM pg_stat_replication WHERE pid = $1',
        [(await sender(slot))?.pid ?? 0],
      );
      return row?.sent === true && reading.wal.lastHeardAt !== null;
    });
    await database.query('SELECT pg_terminate_backend($1, 5000)', [(await sender(slot))?.pid]);
    expect(insertedIds(await reading.commits(3))).toEqual([1, 2, 3]);
    await expect(
      (async () => {
        for (;;) await reading.next();
      })(),
    ).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' });
  });

  test('end with the commit of the transaction that is being read when the stream is stopped', async () => {
    const slot = await newSlot();
    await database.query("INSERT INTO items SELECT g, 'x' FROM generate_series(1, 5000) g");
    await database.query("INSERT INTO items VALUES (5001, 'x')");
    await using reading = await open(slot);
    const read: WalItem[] = [];
    while (insertedIds(read).length === 0) read.push(...(await reading.next()));
    reading.wal.stop();
    for await (const items of reading.wal) read.push(...items);
    expect(insertedIds(read).slice(0, 5_000)).toEqual(range(1, 5_000));
    expect(isCommit(read.findLast((item) => 'message' in item) ?? { lsn: 0n, keepalive: true })).toBe(true);
  });
});
