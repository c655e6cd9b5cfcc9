import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChangeEvent, Operation } from '../../schemas/change-event.ts';
import type { Row } from '../../schemas/value.ts';
import { makeTarget, positionAt, remove } from '../../test/sink-contract-model.ts';
import type { Target, TargetEvent } from '../sink.ts';
import type { ClickHouseSink } from './sink.ts';
import { newSink, server } from './test-sink.ts';
import { changesViewOf, historyOf } from './table-layout.ts';

const START_MS = Date.UTC(2024, 1, 29);

/** Number `step` of a history: its position, and a commit in its second. */
function change(target: Target, op: Operation, row: Row, step: number): TargetEvent {
  const isGone = op === 'd' || op === 't';
  const event: ChangeEvent = {
    table: target.table,
    op,
    key: op === 't' ? {} : { id: row['id'] ?? null },
    before: null,
    after: isGone ? null : { id: null, name: null, ...row },
    position: positionAt(step),
    source: {
      name: 'p',
      db: 'd',
      txId: 1,
      lsn: 8n,
      tsUs: (START_MS + step * 1000) * 1000 + 1,
      snapshot: op === 'r',
    },
    tsMs: START_MS,
  };
  return { target, event };
}

/** What the view must show of a change. */
function shownOf({ event }: TargetEvent, step: number): Record<string, unknown> {
  const { id = 0, name = null } = { ...event.key, ...event.after };
  return {
    id: String(id),
    name,
    __op: event.op,
    __committed_at: `${new Date(START_MS + step * 1000).toISOString().slice(0, 19).replace('T', ' ')}.000001`,
  };
}

const shown = (target: Target, where = 'true') =>
  server.rows(`SELECT * EXCEPT __pos FROM ${changesViewOf(target.name)} WHERE ${where} ORDER BY __pos, id`);

describe('the history of a table', () => {
  const target = makeTarget('told', ['id'], { id: { kind: 'int8' }, name: { kind: 'text' } });
  let sink: ClickHouseSink;

  beforeAll(async () => {
    await server.run(`CREATE DATABASE ${server.database} ENGINE = Atomic`);
    sink = newSink({}, { history: true });
    await sink.prepare([target]);
  });

  afterAll(async () => {
    await sink.close();
    await server.run(`DROP DATABASE ${server.database}`);
  });

  test('every change is kept once, whatever the order, the batches and the repetitions', async () => {
    let run = 0;
    const operations: fc.Arbitrary<{ op: Operation; key: number; name: string | null }> = fc.record({
      op: fc.constantFrom<Operation>('c', 'u', 'd', 'r'),
      key: fc.nat(3),
      name: fc.option(fc.string({ maxLength: 6 })),
    });
    const histories = fc.array(operations, { minLength: 1, maxLength: 10 }).chain((history) =>
      fc.record({
        history: fc.constant(history),
        order: fc.array(fc.nat(history.length - 1), { maxLength: 12 }),
        batchSize: fc.integer({ min: 1, max: 6 }),
        isMerged: fc.boolean(),
      }),
    );
    await fc.assert(
      fc.asyncProperty(histories, async ({ history, order, batchSize, isMerged }) => {
        run += 1;
        const first = BigInt(run * 10);
        const changes = history.map(({ op, key, name }, step) =>
          change(target, op, { id: first + BigInt(key), name }, step),
        );
        // Some come early, out of order and twice; then all of them, as a replay brings them.
        const delivered = [...order.flatMap((index) => changes[index] ?? []), ...changes];
        for (let at = 0; at < delivered.length; at += batchSize) {
          const batch = delivered.slice(at, at + batchSize);
          expect(await sink.history.record(batch)).toEqual(batch.map(() => ({ result: 'applied' })));
        }
        if (isMerged) await server.run(`OPTIMIZE TABLE ${historyOf(target.name)} FINAL`);
        expect(await shown(target, `id BETWEEN ${first} AND ${first + 9n}`)).toEqual(changes.map(shownOf));
      }),
      { numRuns: 100 },
    );
  });

  test('a truncate is one change, though it comes in every partition', async () => {
    const own = makeTarget('truncated', ['id'], { id: { kind: 'int8' }, name: { kind: 'text' } });
    await sink.prepare([own]);
    const changes = [
      change(own, 'c', { id: 1n, name: 'a' }, 0),
      change(own, 't', {}, 1),
      change(own, 'c', { id: 1n }, 2),
    ];
    await sink.history.record(changes);
    await sink.history.record(changes.slice(1));
    expect(await shown(own)).toEqual(changes.map(shownOf));
  });

  test('the commit time of a delete stands, though its tombstone comes again without one', async () => {
    const own = makeTarget('tombstones', ['id'], { id: { kind: 'int8' }, name: { kind: 'text' } });
    await sink.prepare([own]);
    const deleted = change(own, 'd', { id: 1n }, 5);
    const { event } = deleted;
    const alone = { target: own, event: { ...event, source: { ...event.source, name: '', tsUs: 0 } } };
    for (const order of [[deleted, alone], [alone, deleted], [alone]])
      for (const one of order) await sink.history.record([one]);
    expect(await shown(own)).toEqual([shownOf(deleted, 5)]);
    await server.run(`OPTIMIZE TABLE ${historyOf(own.name)} FINAL`);
    expect(await shown(own)).toEqual([shownOf(deleted, 5)]);
  });

  test('the history takes columns and types as the table does', async () => {
    const columns = { id: { kind: 'int8' }, name: { kind: 'date' } } as const;
    const before = makeTarget('evolves', ['id'], columns);
    const after = makeTarget('evolves', ['id'], { ...columns, more: { kind: 'int4' } });
    await sink.prepare([before]);
    await sink.history.record([change(before, 'c', { id: 1n, name: '2024-02-29' }, 0)]);
    await sink.history.record([change(before, 'u', { id: 1n, name: 'infinity' }, 1)]);
    await sink.prepare([after]);
    await sink.history.record([change(after, 'u', { id: 1n, name: '2024-03-01', more: 5 }, 2)]);
    expect((await shown(after)).map(({ name, more }) => [name, more])).toEqual([
      ['2024-02-29', null],
      ['infinity', null],
      ['2024-03-01', 5],
    ]);
    await sink.write([
      {
        op: 'upsert',
        target: after,
        key: { id: 1n },
        row: { id: 1n, name: '2024-03-02', more: 6 },
        position: positionAt(3),
      },
    ]);
    expect(await server.rows(`SELECT name, more FROM ${after.name}_current`)).toEqual([
      { name: '2024-03-02', more: 6 },
    ]);
  });

  test('a change that no column can hold is rejected alone', async () => {
    const own = makeTarget('picky', ['id'], { id: { kind: 'int8' }, name: { kind: 'boolean' } });
    await sink.prepare([own]);
    const changes = [
      change(own, 'c', { id: 1n, name: true }, 0),
      change(own, 'c', { id: 2n, name: 'masked' }, 1),
    ];
    expect((await sink.history.record(changes)).map(({ result }) => result)).toEqual(['applied', 'rejected']);
    expect((await shown(own)).map(({ id }) => id)).toEqual(['1']);
  });

  test('a column has no value where its row has none, also one with a name that every object answers to', async () => {
    const own = makeTarget('named', ['id'], { id: { kind: 'int8' }, constructor: { kind: 'text' as const } });
    await sink.prepare([own]);
    await sink.history.record([change(own, 't', {}, 1), change(own, 'd', { id: 1n }, 2)]);
    expect((await shown(own)).map((row) => row['constructor'])).toEqual([null, null]);
    await sink.write([remove(own, { id: 1n }, 2)]);
    const kept = await server.rows(`SELECT \`constructor\` FROM ${own.name}`);
    expect(kept.map((row) => row['constructor'])).toEqual([null]);
  });

  test('a target without history keeps none', async () => {
    const plain = newSink();
    const own = makeTarget('plain', ['id'], { id: { kind: 'int8' }, name: { kind: 'text' } });
    await plain.prepare([own]);
    expect(plain.history.keeps(own)).toBe(false);
    await plain.close();
    expect(await server.rows(`SHOW TABLES LIKE '${own.name}%'`)).toEqual([
      { name: own.name },
      { name: `${own.name}_current` },
    ]);
  });
});
