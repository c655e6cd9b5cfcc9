import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TableSchema } from '../schemas/table-schema.ts';
import { bindTransforms } from './chain.ts';
import { transform as renameColumns } from './rename-columns.ts';
import { austin, eventOf, grants, places } from './test-event.ts';

function rename(options: unknown) {
  return renameColumns.create(renameColumns.options.parse(options));
}

const names = (table: TableSchema) => table.columns.map((column) => column.name);
const grant = { customer: 1, place_id: 7n, backup_id: null };

describe('renaming', () => {
  test('columns, key, new and old row get the new names, in the old order', () => {
    const bound = bindTransforms([rename({ columns: { id: 'place', name: 'title' } })], places);
    expect(names(bound.table).slice(0, 3)).toEqual(['place', 'title', 'email']);
    expect(bound.table.key).toEqual(['place']);
    const event = bound.apply(eventOf(places, 'u', austin, { id: 7n, name: 'Waterloo' }));
    expect(event?.table).toBe(bound.table);
    expect(event?.key).toEqual({ place: 7n });
    expect(event?.before).toEqual({ place: 7n, title: 'Waterloo' });
    expect(Object.keys(event?.after ?? {})).toEqual(names(bound.table));
    expect(event?.after).toMatchObject({ place: 7n, title: 'Austin', email: 'mayor@austin.example' });
  });

  test('a delete keeps its null and its key', () => {
    const bound = bindTransforms([rename({ columns: { id: 'place' } })], places);
    expect(bound.apply(eventOf(places, 'd', { id: 7n }))).toMatchObject({
      op: 'd',
      key: { place: 7n },
      before: { place: 7n },
      after: null,
    });
  });

  test('a column that has the name of an inherited one keeps its value', () => {
    const columns = ['id', '__proto__', 'constructor'].map((name) => ({
      name,
      type: 'text',
      kind: 'text' as const,
      nullable: true,
    }));
    const table: TableSchema = { schema: 'public', name: 'odd', columns, key: ['id'], foreignKeys: [] };
    const row = JSON.parse('{"id":"1","__proto__":"p","constructor":"c"}') as Record<string, string>;
    const bound = bindTransforms([rename({ columns: { id: 'place' } })], table);
    expect(Object.entries(bound.apply(eventOf(table, 'c', row))?.after ?? {})).toEqual([
      ['place', '1'],
      ['__proto__', 'p'],
      ['constructor', 'c'],
    ]);
  });

  test('the event that came in is not changed', () => {
    const event = eventOf(places, 'u', austin, austin);
    const copy = structuredClone(event);
    bindTransforms([rename({ columns: { id: 'place' } })], places).apply(event);
    expect(event).toStrictEqual(copy);
  });

  test('two columns can swap their names', () => {
    const bound = bindTransforms([rename({ columns: { name: 'email', email: 'name' } })], places);
    expect(bound.apply(eventOf(places, 'c', austin))?.after).toMatchObject({
      email: 'Austin',
      name: 'mayor@austin.example',
    });
  });

  test('a foreign key follows its own columns and those of the table that it refers to', () => {
    const both = rename({ columns: { id: 'place', place_id: 'place' } }).schema(grants);
    expect(both.key).toEqual(['customer', 'place']);
    expect(both.foreignKeys.map((key) => [key.columns, key.referencedColumns])).toEqual([
      [['place'], ['place']],
      [['backup_id'], ['place']],
    ]);
    const own = rename({ tables: ['public.grants'], columns: { place_id: 'place' } }).schema(grants);
    expect(own.foreignKeys[0]).toMatchObject({ columns: ['place'], referencedColumns: ['id'] });
  });

  test('a table that only refers to a renamed column keeps its rows', () => {
    const transform = rename({ tables: ['public.places'], columns: { id: 'place', backup_id: 'spare' } });
    const bound = bindTransforms([transform], grants);
    expect(bound.table.foreignKeys[0]).toMatchObject({
      columns: ['place_id'],
      referencedColumns: ['place'],
    });
    const event = eventOf(grants, 'c', grant);
    expect(bound.apply(event)).toEqual({ ...event, table: bound.table });
  });

  test('a table without any of the columns stays the same object, its events too', () => {
    const bound = bindTransforms([rename({ columns: { title: 'headline' } })], grants);
    expect(bound.table).toBe(grants);
    const event = eventOf(grants, 'c', grant);
    expect(bound.apply(event)).toBe(event);
  });

  test('a column that is missing from a table named in full is an error', () => {
    const schema = () => rename({ tables: ['public.places'], columns: { nmae: 'title' } }).schema(places);
    expect(schema).toThrow('renameColumns on public.places: there is no column "nmae"');
  });

  test.each([{ name: 'email' }, { name: 'title', email: 'title' }])('%j collides', (columns) => {
    expect(() => rename({ columns }).schema(places)).toThrow('two columns would be called');
  });

  test('renaming forth and back changes nothing', () => {
    const plans = fc.uniqueArray(fc.constantFrom(...names(grants)), { minLength: 1 }).chain((chosen) =>
      fc
        .uniqueArray(fc.string({ minLength: 1 }), { minLength: chosen.length, maxLength: chosen.length })
        // Integer-like names come first in every JavaScript object; __proto__ is a name of its own in rows alone.
        .filter((fresh) =>
          fresh.every((name) => !names(grants).includes(name) && !/^\d+$|^__proto__$/.test(name)),
        )
        .map((fresh) => chosen.map((name, index): [string, string] => [name, fresh[index] ?? ''])),
    );
    fc.assert(
      fc.property(plans, (pairs) => {
        const forth = rename({ columns: Object.fromEntries(pairs) });
        const back = rename({ columns: Object.fromEntries(pairs.map(([from, to]) => [to, from])) });
        const event = eventOf(grants, 'u', grant, grant);
        expect(bindTransforms([forth, back], grants).apply(event)).toEqual(event);
      }),
    );
  });
});
