import fc from 'fast-check';
import kafkajs from 'kafkajs';
import { expect, test } from 'vitest';
import { partitionOfKey } from './murmur2.ts';

const { Partitioners } = kafkajs;

test("every key's partition is the one that kafkajs' default partitioner chooses", () => {
  const choose = Partitioners.DefaultPartitioner();
  const keys = fc.uint8Array({ minLength: 1, maxLength: 70 }).map((array) => Buffer.from(array));
  fc.assert(
    fc.property(keys, fc.integer({ min: 1, max: 200 }), (key, partitionCount) => {
      const partitionMetadata = Array.from({ length: partitionCount }, (_, partitionId) => ({
        partitionId,
        partitionErrorCode: 0,
        leader: 0,
        replicas: [],
        isr: [],
      }));
      const expected = choose({ topic: 't', partitionMetadata, message: { key, value: null } });
      expect(partitionOfKey(key, 0, key.length, partitionCount)).toBe(expected);
    }),
    { numRuns: 2_000 },
  );
});

test('the key may lie anywhere in its buffer', () => {
  const key = fc.uint8Array({ minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 9 }),
      key,
      fc.uint8Array({ maxLength: 9 }),
      (head, middle, tail) => {
        const all = Buffer.from([...head, ...middle, ...tail]);
        const end = head.length + middle.length;
        expect(partitionOfKey(all, head.length, end, 101)).toBe(
          partitionOfKey(Buffer.from(middle), 0, middle.length, 101),
        );
      },
    ),
  );
});
