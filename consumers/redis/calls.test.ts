import { expect, test } from 'vitest';
import { TailraceError } from '../../core/errors.ts';
import { makeTarget, upsert } from '../../test/sink-contract-model.ts';
import type { WriteOutcome } from '../sink.ts';
import { scriptCalls } from './calls.ts';
import { tableOptionsSchema } from './config.ts';
import { layoutOf } from './layout.ts';

const target = makeTarget('calls', ['id'], { id: { kind: 'int4' }, name: { kind: 'text' } });

test('a layout that cannot be stops the sink instead of rejecting row by row', () => {
  const refuse = () => {
    throw new TailraceError('CONFIG_INVALID', 'What.', 'Fix.');
  };
  expect(() => [...scriptCalls([upsert(target, { id: 1 }, 1)], refuse, [])]).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID' }),
  );
});

test('a row that has no key text is rejected alone', () => {
  const layout = layoutOf(target, tableOptionsSchema.parse({}), { tombstoneTtl: null, hashTags: false });
  const outcomes: WriteOutcome[] = [];
  const writes = [upsert(target, { id: null }, 1), upsert(target, { id: 2 }, 1)];
  const calls = [...scriptCalls(writes, () => layout, outcomes)];
  expect(calls.flatMap(({ places }) => places)).toEqual([1]);
  expect(outcomes).toMatchObject([{ result: 'rejected' }]);
});
