import type { CopyRow } from './copy.ts';
import {
  contactGrantRows,
  contactRow,
  customerRow,
  mappingRows,
  placeGrantRows,
  placeRow,
  techStackRows,
  type Sizes,
} from './rows.ts';

/** One table of generated rows. */
export interface GeneratedTable {
  name: string;
  /** About how many rows `rows` gives. */
  expectedRows: number;
  rows(): Generator<CopyRow>;
  /** The sequence that numbers this table; it must go on after the last generated row. */
  sequence?: string;
}

/** The seven tables, parents first. The rows depend on seed and sizes only. */
export function generatedTables(seed: number, sizes: Sizes): GeneratedTable[] {
  return [
    {
      name: 'customer',
      expectedRows: sizes.customer,
      rows: () => mapIds(sizes.customer, (id) => [customerRow(seed, id)]),
      sequence: 'customer_id_seq',
    },
    {
      name: 'places',
      expectedRows: sizes.places,
      rows: () => mapIds(sizes.places, (id) => [placeRow(seed, id)]),
      sequence: 'places_id_seq',
    },
    {
      name: 'contacts',
      expectedRows: sizes.contacts,
      rows: () => mapIds(sizes.contacts, (id) => [contactRow(seed, id, sizes)]),
      sequence: 'contacts_id_seq',
    },
    {
      name: 'customer_contact_relation',
      expectedRows: sizes.customer * 30,
      rows: () => mapIds(sizes.customer, (id) => contactGrantRows(seed, id, sizes)),
    },
    {
      name: 'customer_place_relation',
      expectedRows: sizes.customer * 10,
      rows: () => mapIds(sizes.customer, (id) => placeGrantRows(seed, id, sizes)),
    },
    {
      name: 'customer_mapping',
      expectedRows: Math.round(sizes.customer * 1.5),
      rows: () =>
        numbered(
          mapIds(sizes.customer, (id) => mappingRows(seed, id)),
          'external_crm_id',
          (number) => `CRM-${String(number).padStart(8, '0')}`,
        ),
      sequence: 'external_crm_number',
    },
    {
      name: 'tech_stack',
      expectedRows: sizes.places * 2,
      rows: () =>
        numbered(
          mapIds(sizes.places, (id) => techStackRows(seed, id)),
          'id',
          (number) => number,
        ),
      sequence: 'tech_stack_id_seq',
    },
  ];
}

function* mapIds(highest: number, rowsOf: (id: number) => CopyRow[]): Generator<CopyRow> {
  for (let id = 1; id <= highest; id += 1) yield* rowsOf(id);
}

function* numbered(
  rows: Iterable<CopyRow>,
  key: string,
  keyOf: (number: number) => string | number,
): Generator<CopyRow> {
  let number = 0;
  for (const row of rows) yield { [key]: keyOf((number += 1)), ...row };
}
