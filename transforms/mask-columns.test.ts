import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TableSchema } from '../schemas/table-schema.ts';
import { bindTransforms } from './chain.ts';
import { partialMask, transform as maskColumns } from './mask-columns.ts';
import { austin, eventOf, grants, places } from './test-event.ts';

const salt = 'sixteen characters or more';

function mask(options: unknown) {
  return maskColumns.create(maskColumns.options.parse(options));
}

function masked(kind: string | null, columns: string[], row = austin) {
  const given = { columns, with: kind, ...(kind === 'hash' ? { salt } : {}) };
  return bindTransforms([mask(given)], places).apply(eventOf(places, 'c', row))?.after ?? {};
}

const columnOf = (table: TableSchema, name: string) => table.columns.find((column) => column.name === name);
const text = (characters: string) =>
  fc.string({ unit: fc.constantFrom(...Array.from(characters)), maxLength: 20 });
const sha = (text: string) => createHmac('sha256', salt).update(text).digest('hex');

describe('masks', () => {
  test.each([
    ['ada@example.org', 'a***@example.org'],
    ['a@example.org', '***@example.org'],
    ['😀da@example.org', '😀***@example.org'],
    ['+1 512 555 0123', '***0123'],
    ['12345678', '***5678'],
    ['1234567', '***'],
    ['', '***'],
    ['write to ada@example.org', '***.org'],
    ['a@b@c', '***'],
    ['@handle', '***'],
    ['four 😀😀😀😀', '***😀😀😀😀'],
  ])('partial turns "%s" into "%s"', (text, expected) => {
    expect(partialMask(text)).toBe(expected);
  });

  test('redact replaces every value by the same text', () => {
    expect(masked('redact', ['email', 'population'])).toMatchObject({ email: '***', population: '***' });
  });

  test('hash is the HMAC of the value as text, the same in every column', () => {
    expect(masked('hash', ['name', 'id', 'seal'])).toMatchObject({
      name: sha('Austin'),
      id: sha('7'),
      seal: sha(Buffer.from('seal').toString('base64')),
    });
  });

  test('null sets null, and YAML may write it without quotes', () => {
    expect(masked('null', ['email'])).toMatchObject({ email: null, name: 'Austin' });
    expect(masked(null, ['email'])).toMatchObject({ email: null, name: 'Austin' });
  });

  test('null stays null', () => {
    for (const kind of ['partial', 'redact', 'hash', 'null'])
      expect(masked(kind, ['email'], { ...austin, email: null })).toMatchObject({ email: null });
  });

  test('masks are deterministic and never contain a text of more than 4 characters', () => {
    const kinds = fc.constantFrom('partial', 'redact', 'hash');
    // No stars and no hex digits: a masked text masks to itself, and a hash may hold any short run of digits.
    const texts = text('Ax.@ é😀').filter((candidate) => candidate.length > 4);
    fc.assert(
      fc.property(texts, kinds, (email, kind) => {
        const { email: result } = masked(kind, ['email'], { ...austin, email });
        expect(result).toBe(masked(kind, ['email'], { ...austin, email })['email']);
        expect(result).not.toContain(email);
      }),
    );
  });

  test('a partial mask of valid text is valid text', () => {
    fc.assert(fc.property(text('a@é😀'), (original) => partialMask(original).isWellFormed()));
  });
});

describe('schema', () => {
  test('a masked column becomes text, with null nullable and otherwise as it was', () => {
    const text = mask({ columns: ['population', 'budget'], with: 'redact' }).schema(places);
    expect(columnOf(text, 'population')).toEqual({
      name: 'population',
      type: 'text',
      kind: 'text',
      nullable: true,
    });
    const none = mask({ columns: ['name', 'population'], with: 'null' }).schema(places);
    expect(columnOf(none, 'name')).toEqual({ name: 'name', type: 'text', kind: 'text', nullable: true });
    expect(columnOf(none, 'population')).toEqual(columnOf(places, 'population'));
  });

  test('a table without the columns stays as it is, unless it is named in full', () => {
    expect(mask({ columns: ['phone'], with: 'redact' }).schema(places)).toBe(places);
    expect(mask({ tables: ['public.*'], columns: ['phone'], with: 'redact' }).schema(places)).toBe(places);
    const named = mask({ tables: ['public.places'], columns: ['phone'], with: 'redact' });
    expect(() => named.schema(places)).toThrow('there is no column "phone"');
    expect(named.schema(grants)).toBe(grants);
  });

  test.each(['partial', 'redact', 'null'])('%s on a key column is refused', (kind) => {
    expect(() => mask({ columns: ['id'], with: kind }).schema(places)).toThrow(
      'maskColumns on public.places: column "id" belongs to the primary key',
    );
  });

  test.each(['partial', 'redact'])('%s on a foreign key is refused', (kind) => {
    expect(() => mask({ columns: ['backup_id'], with: kind }).schema(grants)).toThrow(
      'refers to another table',
    );
  });

  test('null on a foreign key outside the key is allowed', () => {
    expect(
      columnOf(mask({ columns: ['backup_id'], with: 'null' }).schema(grants), 'backup_id')?.nullable,
    ).toBe(true);
  });
});

describe('events', () => {
  test('a hashed key and the foreign key that refers to it stay equal', () => {
    const transforms = [mask({ columns: ['id', 'place_id'], with: 'hash', salt })];
    const place = bindTransforms(transforms, places).apply(eventOf(places, 'c', austin));
    const grant = bindTransforms(transforms, grants).apply(
      eventOf(grants, 'c', { customer: 1, place_id: 7n, backup_id: null }),
    );
    expect(place?.key).toEqual({ id: sha('7') });
    expect(grant?.key).toEqual({ customer: 1, place_id: sha('7') });
    expect(grant?.after).toEqual({ customer: 1, place_id: sha('7'), backup_id: null });
  });

  test('the old row is masked too, and what it lacks stays absent', () => {
    const bound = bindTransforms([mask({ columns: ['name', 'email'], with: 'redact' })], places);
    const event = bound.apply(eventOf(places, 'u', austin, { id: 7n, name: 'Waterloo' }));
    expect(event?.before).toStrictEqual({ id: 7n, name: '***' });
    expect(event?.key).toStrictEqual({ id: 7n });
    expect(event?.table).toBe(bound.table);
    expect(bound.apply(eventOf(places, 'd', { id: 7n }))).toMatchObject({ before: { id: 7n }, after: null });
  });

  test('the event that came in is not changed', () => {
    const event = eventOf(places, 'u', austin, austin);
    const copy = structuredClone(event);
    bindTransforms([mask({ columns: ['name'], with: 'redact' })], places).apply(event);
    expect(event).toStrictEqual(copy);
  });

  test('an event of a schema that was never bound is refused, not let through unmasked', () => {
    const transform = mask({ columns: ['name'], with: 'redact' });
    expect(() => transform.apply(eventOf(places, 'c', austin), places)).toThrow(TypeError);
  });
});

test.each([
  [{ columns: ['name'] }, 'partial'],
  [{ columns: ['name'], with: 'stars' }, 'partial'],
  [{ columns: ['name'], with: 'hash' }, 'hash needs a salt'],
  [{ columns: ['name'], with: 'hash', salt: 'short' }, 'at least 16 characters'],
  [{ columns: ['name'], with: 'redact', salt }, 'only hash takes a salt'],
  [{ columns: [], with: 'redact' }, '>=1'],
  [{ column: ['name'], with: 'redact' }, 'expected array'],
])('the options %j are refused', (options, problem) => {
  expect(maskColumns.options.safeParse(options).error?.issues[0]?.message).toContain(problem);
});
