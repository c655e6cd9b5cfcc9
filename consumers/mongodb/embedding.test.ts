import { expect, test } from 'vitest';
import { makeTarget } from '../../test/sink-contract-model.ts';
import type { ValueKind } from '../../schemas/value.ts';
import { NO_TABLE_OPTIONS, tableOptionsSchema } from './config.ts';
import { familiesOf } from './embedding.ts';

/** Embeds rows whose column `parent` of the second type names a key of the first. */
function embed(kind: ValueKind, keyType: string, type: string): unknown {
  const parents = makeTarget('parents', ['id'], { id: { kind, type: keyType } });
  const rows = makeTarget('rows', ['id'], { id: { kind: 'int4' }, parent: { kind, type } });
  const options = tableOptionsSchema.parse({
    embed: { rows: { table: `public.${rows.table.name}`, by: ['parent'] } },
  });
  return familiesOf([parents, rows], ({ name }) =>
    name === parents.table.name ? options : NO_TABLE_OPTIONS,
  );
}

test.each<[ValueKind, string, string]>([
  ['text', 'citext', 'citext'],
  ['text', 'text', 'citext'],
  ['text', 'citext', 'text'],
  ['text', 'bpchar', 'bpchar'],
  ['text', 'character(5)', 'character(6)'],
  ['text', 'character(5)', 'text'],
  ['interval', 'interval', 'interval'],
])('%s: a key of type %s is not found by the text of a %s', (kind, keyType, type) => {
  expect(() => embed(kind, keyType, type)).toThrow(/not kept in the same form/);
});

test.each<[ValueKind, string, string]>([
  ['text', 'text', 'character varying(5)'],
  ['text', 'character(5)', 'character(5)'],
  ['uuid', 'uuid', 'uuid'],
  ['numeric', 'numeric(5,2)', 'numeric'],
])('%s: a key of type %s is found by the value of a %s', (kind, keyType, type) => {
  expect(() => embed(kind, keyType, type)).not.toThrow();
});
