import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makePosition } from '../../schemas/position.ts';
import type { TableSchema } from '../../schemas/table-schema.ts';
import { bulkItem, chunksOf, outcomeOf, type BulkItem } from './bulk-item.ts';
import { documentShape } from './mapping.ts';

const table: TableSchema = {
  schema: 'public',
  name: 'notes',
  key: ['id'],
  columns: [
    { name: 'id', kind: 'int4', type: 'integer', nullable: false },
    { name: 'body', kind: 'text', type: 'text', nullable: true },
  ],
  foreignKeys: [],
};

function itemOf(slot: number, body: string, ordinal = 1): BulkItem {
  const target = { name: 'notes', table };
  const write = { op: 'upsert' as const, target, key: { id: slot }, row: { id: slot, body } };
  return bulkItem(
    slot,
    { ...write, position: makePosition(800n, ordinal) },
    documentShape(target, new Map()),
  );
}

test('an item is an action line and a document line; only a shared version is refused when it is equal', () => {
  const { lines } = itemOf(7, 'a\nb');
  expect(lines).toBe(
    '{"index":{"_index":"notes","_id":"7","version_type":"external_gte","version":6553601}}\n' +
      `{"id":7,"body":"a\\nb","__pos":"${makePosition(800n, 1)}"}\n`,
  );
  expect(itemOf(7, 'a', 65_535).lines).toContain('"version_type":"external","version":6619135');
});

test('requests hold every item in order, and none is larger than the server takes', () => {
  const bodies = fc.array(fc.string({ unit: 'binary', maxLength: 300 }), { maxLength: 40 });
  fc.assert(
    fc.property(bodies, fc.integer({ min: 2_000, max: 20_000 }), (texts, maxBytes) => {
      const items = texts.map((body, slot) => itemOf(slot, body));
      const chunks = [...chunksOf(items, maxBytes)];
      expect(chunks.flat()).toEqual(items);
      for (const chunk of chunks) {
        const bytes = Buffer.byteLength(chunk.map(({ lines }) => lines).join(''));
        expect(chunk.length === 1 || bytes <= maxBytes).toBe(true);
      }
    }),
  );
});

test('an item that is refused for load or for a lost shard is no outcome of its row', () => {
  const refused = (status: number, type: string) => () =>
    outcomeOf(itemOf(1, 'a'), { status, error: { type, reason: 'r' } });
  expect(refused(429, 'es_rejected_execution_exception')).toThrow('429 es_rejected_execution_exception');
  expect(refused(503, 'unavailable_shards_exception')).toThrow('503 unavailable_shards_exception');
  expect(refused(409, 'version_conflict_engine_exception')()).toEqual({ result: 'stale' });
  expect(refused(400, 'document_parsing_exception')()).toMatchObject({ result: 'rejected' });
});
