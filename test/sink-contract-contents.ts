import { describe, expect, test } from 'vitest';
import { keyText } from '../schemas/key-text.ts';
import type { SinkHarness } from './sink-contract-harness.ts';
import { expectedRows, makeTarget, remove, upsert } from './sink-contract-model.ts';
import { openContract } from './sink-contract-setup.ts';
import { COMMON_VALUES, KIND_COLUMNS, LARGE_VALUES, SPECIAL_VALUES } from './sink-contract-values.ts';

const HOSTILE_KEYS = [
  'a:b', 'a\\b', ' leading and trailing ', '"double"', "'single'", '`back`', 'ünï😀', 'line\nbreak', 'tab\t',
  '/slash?query#hash', '{brace}', '[bracket]*', '$dollar', '.dot', '__proto__', 'null', '0', '-- ;drop', '%s%20', '\u0001',
]; // prettier-ignore

/** The part of the contract of `Sink` that is about what a row may hold: its key, its columns' names, its values. */
export function contentContract(name: string, harness: SinkHarness): void {
  describe(`${name} holds every row`, () => {
    const people = makeTarget('nullable', ['id'], {
      id: { kind: 'int8' },
      name: { kind: 'text' },
      step: { kind: 'int4' },
    });
    const pairs = makeTarget('pairs', ['b', 'a'], {
      a: { kind: 'text' },
      b: { kind: 'int8' },
      n: { kind: 'int4' },
    });
    const links = makeTarget('links', ['a', 'b'], { a: { kind: 'text' }, b: { kind: 'text' } });
    const texts = makeTarget('texts', ['id'], { id: { kind: 'text' }, name: { kind: 'text' } });
    const kinds = makeTarget('kinds', ['id'], KIND_COLUMNS);
    const odd = makeTarget('odd', ['Key Col'], {
      'Key Col': { kind: 'int4' },
      select: { kind: 'text' },
      'quo"te': { kind: 'text' },
      'back`tick': { kind: 'text' },
      "apo'strophe": { kind: 'text' },
      ünïcode: { kind: 'text' },
      'semi;colon-dash': { kind: 'text' },
      MixedCase: { kind: 'text' },
    });
    const uuids = makeTarget('uuids', ['id', 'day'], {
      id: { kind: 'uuid' },
      day: { kind: 'date' },
      n: { kind: 'int4' },
    });
    const targets = [people, pairs, links, texts, kinds, odd, uuids];
    const { read, write, expectStored } = openContract(harness, targets);
    let usedIds = 0;
    /** An id that no other test has used, so that tests share a target and do not meet. */
    const newId = (): bigint => BigInt(1_000_000 + usedIds++);

    test('composite keys tell their rows apart and keep the order of the key', async () => {
      const rows = [
        upsert(pairs, { a: 'x:', b: 1n, n: 1 }, 1),
        upsert(pairs, { a: 'x', b: 1n, n: 2 }, 1),
        upsert(pairs, { a: '1', b: 11n, n: 3 }, 1),
        upsert(pairs, { a: '11', b: 1n, n: 4 }, 1),
        upsert(pairs, { a: 'gone', b: 9007199254740993n, n: 5 }, 1),
      ];
      await write(rows);
      const later = [
        remove(pairs, { a: 'gone', b: 9007199254740993n }, 2),
        upsert(pairs, { a: 'x', b: 1n, n: 6 }, 2),
      ];
      await write(later);
      await expectStored(pairs, [...rows, ...later]);
    });

    test('a composite key may be of uuid and date', async () => {
      const id = '0190163d-8694-739b-aea5-966c26f8ad91';
      const rows = [
        upsert(uuids, { id, day: '2024-02-29', n: 1 }, 1),
        upsert(uuids, { id, day: '2024-03-01', n: 2 }, 1),
      ];
      await write(rows);
      const gone = remove(uuids, { id, day: '2024-02-29' }, 2);
      await write([gone]);
      await expectStored(uuids, [...rows, gone]);
    });

    test('a table may have only key columns', async () => {
      const rows = [upsert(links, { a: 'l', b: 'r' }, 1), upsert(links, { a: '', b: 'r' }, 1)];
      await write(rows);
      await expectStored(links, rows);
      const gone = remove(links, { a: 'l', b: 'r' }, 2);
      await write([gone]);
      await expectStored(links, [...rows, gone]);
    });

    test('keys may hold any characters', async () => {
      const rows = HOSTILE_KEYS.map((id) => upsert(texts, { id, name: `name of ${id}` }, 1));
      expect(await write(rows)).toEqual(rows.map(() => ({ result: 'applied' })));
      await expectStored(texts, rows);
      const half = rows.filter((_, index) => index % 2 === 0).map((row) => remove(texts, row.key, 2));
      await write(half);
      await expectStored(texts, [...rows, ...half]);
    });

    test('an empty key is held or rejected, never lost in silence', async () => {
      const row = upsert(texts, { id: '', name: 'empty' }, 1);
      const [outcome] = await write([row]);
      const stored = (await read(texts)).get('');
      expect(stored).toEqual(outcome?.result === 'applied' ? expectedRows(texts, [row]).get('') : undefined);
    });

    test('null and the empty string stay two things', async () => {
      const rows = [
        upsert(people, { id: newId(), name: null }, 1),
        upsert(people, { id: newId(), name: '' }, 1),
        upsert(people, { id: newId(), name: 'null' }, 1),
      ];
      await write(rows);
      await expectStored(people, rows);
    });

    test('columns may have odd names', async () => {
      const row = {
        ...Object.fromEntries(odd.table.columns.map(({ name: column }) => [column, `of ${column}`])),
        'Key Col': 7,
      };
      const rows = [upsert(odd, row, 1), upsert(odd, { 'Key Col': 8 }, 1)];
      expect(await write(rows)).toEqual([{ result: 'applied' }, { result: 'applied' }]);
      await expectStored(odd, rows);
    });

    test('every kind of value arrives exactly', async () => {
      const rows = COMMON_VALUES.map((values, index) => upsert(kinds, { id: index + 1, ...values }, 1));
      expect(await write(rows)).toEqual(rows.map(() => ({ result: 'applied' })));
      await expectStored(kinds, rows);
    });

    test('a value at the edge of its type is held exactly or rejected alone', async () => {
      const rows = SPECIAL_VALUES.map((values, index) => upsert(kinds, { id: 1000 + index, ...values }, 1));
      const outcomes = await write(rows);
      expect(outcomes).toHaveLength(rows.length);
      const held = rows.filter((_, index) => outcomes[index]?.result === 'applied');
      const stored = await read(kinds);
      const ids = new Set(rows.map((row) => keyText(kinds.table.key, row.key)));
      expect(new Map([...stored].filter(([key]) => ids.has(key)))).toEqual(expectedRows(kinds, held));
    });

    test('values of 1 MiB arrive exactly', async () => {
      const rows = LARGE_VALUES.map((values, index) => upsert(kinds, { id: 2000 + index, ...values }, 1));
      expect(await write(rows)).toEqual(rows.map(() => ({ result: 'applied' })));
      await expectStored(kinds, rows);
    });
  });
}
