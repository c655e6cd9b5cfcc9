import { expect, test } from 'vitest';
import { makeTarget } from '../../test/sink-contract-model.ts';
import { tableOptionsSchema, type RedisTableOptions } from './config.ts';
import { plan } from './plan.ts';
import { assertColumns, layoutDifference, layoutText } from './structure.ts';

const target = makeTarget('options', ['id'], {
  id: { kind: 'int4' },
  owner: { kind: 'text' },
  score: { kind: 'numeric' },
  until: { kind: 'timestamptz' },
});

const options = (own: object): RedisTableOptions => tableOptionsSchema.parse(own);

test('options may name the columns that the target has', () => {
  const own = options({ sets: ['by:{owner}'], sorted: { 'top:{id}': 'score', latest: 'until' } });
  expect(() => assertColumns(target.table, own)).not.toThrow();
  expect(() => assertColumns(target.table, options({ ttl: { column: 'until' } }))).not.toThrow();
});

test.each([
  [{ sets: ['by:{nobody}'] }, /column nobody in by:\{nobody\}, which the target does not have/],
  [{ sorted: { 'top:{nobody}': 'score' } }, /column nobody/],
  [{ sorted: { top: 'nothing' } }, /column nothing in top/],
  [{ sorted: { top: 'owner' } }, /column owner in top, whose type text does not fit/],
  [{ ttl: { column: 'score' } }, /column score in ttl, whose type numeric does not fit/],
])('%j is an error that names the column', (own, message) => {
  expect(() => assertColumns(target.table, options(own))).toThrow(message);
});

test('a layout is told apart by what rows and sets look like alone', () => {
  const before = layoutText(options({ sets: ['a:{owner}', 'b'], sorted: { top: 'score' } }));
  expect(layoutText(options({ sets: ['b', 'a:{owner}'], sorted: { top: 'score' }, notify: 'x' }))).toBe(
    before,
  );
  const after = layoutText(options({ as: 'json', sets: ['b', 'c'], sorted: { top: 'until' } }));
  expect(layoutDifference(before, after)).toBe(
    'as is hash, wanted is json; sets lack c; sets have a:{owner} besides; sorted lack top by until; sorted have top by score besides',
  );
});

test('a plan says that a column goes which an option names', () => {
  const own = options({ sets: ['by:{owner}'] });
  const without = {
    ...target,
    table: { ...target.table, columns: target.table.columns.filter(({ name }) => name !== 'owner') },
  };
  const planned = (before: typeof target | null, after: typeof target) =>
    plan(
      { before, after, allBefore: [], allAfter: [] },
      { url: 'redis://localhost', tombstoneTtl: null, hashTags: false },
      () => own,
    );
  expect(() => planned(target, without)).toThrow(/column owner/);
  expect(planned(null, target)).toMatchObject({ effect: 'evolve', why: `makes hashes ${target.name}:...` });
  expect(planned(without, target)).toMatchObject({ effect: 'evolve', why: 'adds owner text' });
  expect(planned(target, target).effect).toBe('nothing');
});
