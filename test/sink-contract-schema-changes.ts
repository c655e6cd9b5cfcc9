import { describe, expect, test } from 'vitest';
import type { Target } from '../consumers/sink.ts';
import type { SinkHarness } from './sink-contract-harness.ts';
import { makeTarget, upsert } from './sink-contract-model.ts';
import { openContract } from './sink-contract-setup.ts';

/** The part of the contract of `Sink` that is about tables whose columns change. */
export function schemaChangeContract(name: string, harness: SinkHarness): void {
  describe(`${name} follows the columns`, () => {
    const targets: Target[] = [];
    const { sink, read, write, expectStored } = openContract(harness, targets);

    test('a column that the source adds later is kept', async () => {
      const before = makeTarget('grows', ['id'], { id: { kind: 'int4' }, a: { kind: 'text' } });
      const after = makeTarget('grows', ['id'], {
        id: { kind: 'int4' },
        a: { kind: 'text' },
        b: { kind: 'int8' },
      });
      targets.push(after);
      await sink().prepare([before]);
      await write([upsert(before, { id: 1, a: 'old' }, 1)]);
      await sink().prepare([after]);
      const newer = upsert(after, { id: 2, a: 'new', b: 5n }, 2);
      await write([newer]);
      await expectStored(after, [upsert(after, { id: 1, a: 'old' }, 1), newer]);
    });

    test('columns may be added, dropped and widened, and rows of the older schema may come again', async () => {
      const before = makeTarget('evolves', ['id'], {
        id: { kind: 'int4' },
        kept: { kind: 'text' },
        dropped: { kind: 'text' },
        widened: { kind: 'int4' },
      });
      const after = makeTarget('evolves', ['id'], {
        id: { kind: 'int4' },
        kept: { kind: 'text' },
        widened: { kind: 'int8' },
        added: { kind: 'text' },
      });
      targets.push(after);
      const old = [1, 2, 3].map((id) =>
        upsert(before, { id, kept: `kept ${id}`, dropped: `dropped ${id}`, widened: id }, id),
      );
      await sink().prepare([before]);
      await write(old);
      await sink().prepare([after]);
      const newer = [2, 4].map((id) =>
        upsert(after, { id, kept: 'new', widened: 2n ** 40n, added: 'x' }, 10 + id),
      );
      expect(await write(newer)).toEqual(newer.map(() => ({ result: 'applied' })));
      // A replay, by a process that has prepared the newer schema first, as each does when it starts.
      await sink(1).prepare([after]);
      await sink(1).prepare([before]);
      const late = upsert(before, { id: 5, kept: 'late', dropped: 'late', widened: 5 }, 5);
      const outcomes = await write([...old, late], sink(1));
      expect(outcomes.map(({ result }) => result)).not.toContain('rejected');
      await sink().prepare([after]);

      const expected = [1, 3, 5].map((id) =>
        upsert(after, { id, kept: id === 5 ? 'late' : `kept ${id}`, widened: BigInt(id) }, id),
      );
      await expectStored(after, [...expected, ...newer]);
      // What a newer row no longer has must not linger from the older one.
      const [two] = [...(await read(before))].filter(([key]) => key === '2');
      expect(two?.[1]['dropped'] ?? null).toBeNull();
    });
  });
}
