import { expect, test } from 'vitest';
import { bindTransforms } from './chain.ts';
import { austin, eventOf, grants, places } from './test-event.ts';
import { defineTransform } from './transform.ts';
import type { Transform } from './transform.ts';

/** As `tailrace types` writes it. */
type Tables = {
  readonly 'public.places': {
    readonly name: 'public.places';
    readonly key: { readonly id: bigint };
    readonly row: { readonly id: bigint; readonly name: string; readonly population: number | null };
  };
};

/** The form that a module's default export is brought into when it is loaded. */
function loaded(transform: ReturnType<typeof defineTransform>): Transform {
  if (typeof transform === 'function') throw new TypeError('expected the object form');
  return { schema: transform.schema ?? ((table) => table), apply: transform.apply };
}

test('a typed transform changes its own table and lets others pass', () => {
  const shout = defineTransform<Tables['public.places']>('public.places', (event) =>
    event.after === null
      ? event
      : { ...event, after: { ...event.after, name: event.after.name.toUpperCase() } },
  );
  const bound = (table: typeof places) => bindTransforms([loaded(shout)], table);
  expect(bound(places).apply(eventOf(places, 'c', austin))?.after?.['name']).toBe('AUSTIN');
  const other = eventOf(grants, 'c', { customer: 1, place_id: 7n, backup_id: null });
  expect(bound(grants).apply(other)).toBe(other);
});

test('a typed transform with a schema changes that of its own table alone', () => {
  type Sized = {
    readonly key: { readonly id: bigint };
    readonly row: Tables['public.places']['row'] & { readonly size: string };
  };
  const sized = defineTransform<Tables['public.places'], Sized>('public.places', {
    schema: (table) => ({
      ...table,
      columns: [...table.columns, { name: 'size', type: 'text', kind: 'text', nullable: false }],
    }),
    apply: ({ before, after, ...event }) => ({
      ...event,
      before,
      after: after === null ? null : { ...after, size: (after.population ?? 0) > 50_000 ? 'city' : 'town' },
    }),
  });
  const bound = bindTransforms([loaded(sized)], places);
  expect(bound.table.columns.at(-1)?.name).toBe('size');
  expect(bound.apply(eventOf(places, 'c', austin))?.after?.['size']).toBe('city');
  expect(bindTransforms([loaded(sized)], grants).table).toBe(grants);
});
