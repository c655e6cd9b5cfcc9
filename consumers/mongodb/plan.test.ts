import { expect, test } from 'vitest';
import { makeTarget } from '../../test/sink-contract-model.ts';
import { tableOptionsOf } from '../../test/table-options.ts';
import type { Target } from '../sink.ts';
import { sink as mongodb } from './index.ts';

const before = makeTarget('planned', ['id'], { id: { kind: 'int4' }, email: { kind: 'text' } });
const without = makeTarget('planned', ['id'], { id: { kind: 'int4' } });
const more = makeTarget('planned', ['id'], {
  id: { kind: 'int4' },
  email: { kind: 'text' },
  n: { kind: 'int8' },
});

function planned(change: { before: Target | null; after: Target }, options: object = {}) {
  const mapping = { [`public.${before.table.name}`]: options };
  return mongodb.plan(
    { ...change, allBefore: change.before === null ? [] : [change.before], allAfter: [change.after] },
    mongodb.options.parse({ url: 'mongodb://h' }),
    tableOptionsOf(mongodb, 'test', mapping as never),
  );
}

test('a new table makes a collection, and changed columns evolve', () => {
  expect(planned({ before: null, after: before })).toMatchObject({
    effect: 'evolve',
    why: `makes collection ${before.name}`,
  });
  expect(planned({ before, after: more })).toMatchObject({ effect: 'evolve', why: 'adds n bigint' });
  expect(planned({ before, after: before }).effect).toBe('nothing');
});

test.each([{ indexes: [{ keys: { email: 1 } }] }, { nest: { contact: ['email'] } }])(
  'a column that an option names and that would be gone is told before: %j',
  (options) => {
    expect(() => planned({ before, after: without }, options)).toThrow(/^mapping\.public\./);
  },
);
