import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RunBlocks, type KeptRun } from './run-blocks.ts';

const KIB = 1024;

test('runs keep their bytes until they are released, in whatever order they come and go', () => {
  const step = fc.oneof(
    fc.record({ keep: fc.integer({ min: 1, max: 200 * KIB }) }),
    fc.record({ release: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const blocks = new RunBlocks();
      const kept: { run: KeptRun; mark: number; length: number }[] = [];
      let mark = 0;
      for (const each of steps) {
        if ('keep' in each) {
          mark = (mark + 1) % 256;
          const bytes = Buffer.alloc(each.keep + 2, mark);
          const run = blocks.keep({ bytes, start: 1, end: each.keep + 1 });
          bytes.fill(0xff);
          kept.push({ run, mark, length: each.keep });
        } else {
          const [gone] = kept.splice(each.release % Math.max(1, kept.length), 1);
          if (gone !== undefined) blocks.release(gone.run);
        }
        for (const { run, mark: expected, length } of kept) {
          expect(run.end - run.start).toBe(length);
          expect(run.bytes.subarray(run.start, run.end).every((byte) => byte === expected)).toBe(true);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('released blocks are used again, also the one that is being filled', () => {
  const blocks = new RunBlocks();
  const fill = () => blocks.keep({ bytes: Buffer.alloc(200 * KIB), start: 0, end: 200 * KIB });
  const [first, second] = [fill(), fill()];
  expect(second.bytes).not.toBe(first.bytes);
  blocks.release(first);
  blocks.release(second);
  expect(fill().bytes).toBe(second.bytes);
  expect(fill().bytes).toBe(first.bytes);
});

test('a run larger than a block is kept as it is', () => {
  const bytes = Buffer.alloc(300 * KIB);
  expect(new RunBlocks().keep({ bytes, start: 0, end: bytes.length })).toMatchObject({ bytes, block: null });
});
