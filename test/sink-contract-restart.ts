import { describe, expect, test } from 'vitest';
import type { Target } from '../consumers/sink.ts';
import type { ServerName } from '../infra/servers/server.ts';
import { whileServerIsDown } from './pipeline/own-stack.ts';
import type { SinkHarness } from './sink-contract-harness.ts';
import { makeTarget, positionAt, remove, upsert } from './sink-contract-model.ts';
import { openContract } from './sink-contract-setup.ts';

/** The part of the contract of `Sink` that needs a server of the tests' own: what a store remembers when it was killed. */
export function restartContract(server: ServerName, harness: SinkHarness): void {
  describe(`${server} that was killed and started again`, () => {
    const people = makeTarget('restarted', ['id'], { id: { kind: 'int8' }, name: { kind: 'text' } });
    const emptied = makeTarget('restarted_emptied', ['id'], { id: { kind: 'int8' }, name: { kind: 'text' } });
    const targets = [people, emptied];
    const { write, truncate, expectStored, expectRefused } = openContract(harness, targets);

    test('has every row that was acknowledged, and an older upsert revives none', async () => {
      const named = (target: Target, id: bigint, step: number) =>
        upsert(target, { id, name: `step ${step}` }, step);
      const history = [named(people, 1n, 1), named(people, 2n, 1), named(people, 3n, 1)];
      const deletes = [2n, 4n].map((id) => remove(people, { id }, 7));
      const taken = [1n, 2n].map((id) => named(emptied, id, 1));
      await write([...history, ...taken]);
      await write(deletes);
      await truncate(emptied, 7);
      const acknowledged = Array.from({ length: 500 }, (_, id) => named(people, BigInt(1000 + id), 2));
      await write(acknowledged);

      await whileServerIsDown(server, () => Promise.resolve());

      await expectStored(people, [...history, ...deletes, ...acknowledged]);
      const older = [2n, 4n].map((id) => named(people, id, 6));
      const olderTaken = [1n, 2n].map((id) => named(emptied, id, 6));
      expectRefused(await write([...older, ...olderTaken]));
      await expectStored(people, [...history, ...deletes, ...older]);
      await expectStored(emptied, [...taken, ...olderTaken], [positionAt(7)]);
      const newer = [named(people, 2n, 8), named(emptied, 2n, 8)];
      expect(await write(newer)).toEqual(newer.map(() => ({ result: 'applied' })));
    });
  });
}
