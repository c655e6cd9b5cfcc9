import { pino } from 'pino';
import type { Document } from 'mongodb';
import { afterAll, expect, test } from 'vitest';
import { remove, upsert } from '../../test/sink-contract-model.ts';
import type { Target, Write } from '../sink.ts';
import type { Family } from './test-embed-histories.ts';
import { client, documents, embedded, family, openSink } from './test-embed-sink.ts';

afterAll(() => client.close());

/** Orders, and lines with a note that may be long. */
function largeFamily(): Family & { readonly line: (id: number, order: number, length: number) => Write } {
  const { orders, lines: plain } = family();
  const note = { name: 'note', type: 'text', kind: 'text' as const, nullable: true };
  const lines: Target = { ...plain, table: { ...plain.table, columns: [...plain.table.columns, note] } };
  const line = (id: number, order_id: number, length: number): Write =>
    upsert(lines, { id, order_id, note: 'x'.repeat(length) }, 2);
  return { orders, lines, line };
}

const linesOf = async (orders: Target): Promise<unknown> =>
  (await documents(orders)).map(({ lines }) => lines?.map((line: Document) => Number(line['_id'])));

const areMarked = async (orders: Target): Promise<boolean[]> =>
  (await documents(orders)).map((order) => '__embedding' in order);

test('a row that would make the document larger than 16 MB is rejected, and the others are not', async () => {
  const { orders, lines, line } = largeFamily();
  const sink = await openSink([orders, lines], embedded({ orders, lines }));
  await sink.write([1n, 2n].map((id) => upsert(orders, { id }, 1)));
  expect(await sink.write([line(1, 1, 9_000_000), line(2, 2, 1)])).toEqual([
    { result: 'applied' },
    { result: 'applied' },
  ]);
  const outcomes = await sink.write([line(3, 1, 9_000_000), line(4, 2, 1)]);
  expect(outcomes.map(({ result }) => result)).toEqual(['rejected', 'applied']);
  await sink.write([remove(lines, { id: 1 }, 3)]);
  expect(await linesOf(orders)).toEqual([[3], [2, 4]]);
  expect(await areMarked(orders)).toEqual([false, false]);
});

test('a parent that comes after too many rows is rejected, and told when a sink starts', async () => {
  const { orders, lines, line } = largeFamily();
  const warnings: Document[] = [];
  const log = pino({ level: 'warn' }, { write: (text: string) => void warnings.push(JSON.parse(text)) });
  const sink = await openSink([orders, lines], embedded({ orders, lines }), log);
  const all = [line(1, 1, 9_000_000), line(2, 1, 9_000_000), line(3, 2, 1)];
  expect((await sink.write(all)).map(({ result }) => result)).toEqual(['applied', 'applied', 'applied']);
  const outcomes = await sink.write([1n, 2n].map((id) => upsert(orders, { id, note: 'secret' }, 3)));
  expect(outcomes.map(({ result }) => result)).toEqual(['rejected', 'applied']);
  expect(await linesOf(orders)).toEqual([undefined, [3]]);
  await sink.prepare([orders, lines]);
  expect(warnings).toMatchObject([{ collection: orders.name, documents: 1 }]);
  await sink.write([remove(lines, { id: 1 }, 4)]);
  await sink.prepare([orders, lines]);
  expect([await linesOf(orders), warnings.length]).toEqual([[[2], [3]], 1]);
});

test('the rows of one batch may be larger than a document in all', async () => {
  const { orders, lines, line } = largeFamily();
  const sink = await openSink([orders, lines], embedded({ orders, lines }));
  const ids = [1, 2, 3, 4, 5];
  await sink.write(ids.map((id) => line(id, id, 6_000_000)));
  const outcomes = await sink.write(ids.map((id) => upsert(orders, { id: BigInt(id) }, 3)));
  expect(outcomes.map(({ result }) => result)).toEqual(ids.map(() => 'applied'));
  expect(await linesOf(orders)).toEqual(ids.map((id) => [id]));
  expect(await areMarked(orders)).toEqual(ids.map(() => false));
});

test('rows without a parent may be of any size', async () => {
  const { orders, lines, line } = largeFamily();
  const sink = await openSink([orders, lines], embedded({ orders, lines }));
  await sink.write([upsert(orders, { id: 2n }, 1)]);
  const outcomes = await sink.write([line(1, 1, 9_000_000), line(2, 1, 9_000_000), line(3, 2, 1)]);
  expect(outcomes.map(({ result }) => result)).toEqual(['applied', 'applied', 'applied']);
  expect(await linesOf(orders)).toEqual([[3]]);
});
