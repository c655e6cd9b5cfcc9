import type pg from 'pg';
import { TailraceError } from '../../../core/errors.ts';
import { qualifiedName, type TableSchema } from '../../../schemas/table-schema.ts';
import { describeTypes, isKeyless, POSITION, POSITION_COLUMN, readTableSchema } from './catalog.ts';
import type { PgoutputMessage } from '../pgoutput/messages.ts';

export type Relation = Extract<PgoutputMessage, { tag: 'relation' }>;

/**
 * The table's shape at this place of the stream. Names and types are the message's own: the catalogue may be ahead by then,
 * with columns renamed, dropped or of another type. What the message does not say, whether a column may be null and which
 * columns are the key's, is taken from the catalogue, as far as it still fits, or from the shape that was known last.
 *
 * A table whose history is captured has the rows' positions for a key; null for one whose history has not begun. Throws
 * TABLE_WITHOUT_KEY when no key can be found.
 */
export async function schemaOfRelation(
  client: pg.Client,
  relation: Relation,
  known: TableSchema | undefined,
  isHistory: boolean,
): Promise<TableSchema | null> {
  const now = await readTableSchema(client, relation.oid);
  if (!isHistory && now !== null && isKeyless(now) && (known === undefined || isKeyless(known))) return null;
  const names = new Set(relation.columns.map(({ name }) => name));
  const types = await describeTypes(
    client,
    relation.columns.map(({ typeOid, typeModifier }) => ({ oid: typeOid, modifier: typeModifier })),
  );
  const key = isHistory ? [POSITION_COLUMN] : keyOf(relation, now, known);
  const columns = relation.columns.map(({ name }, place) => ({
    name,
    nullable: now?.columns.find((column) => column.name === name)?.nullable ?? !key.includes(name),
    ...(types[place] ?? { type: 'text', kind: 'other' as const }),
  }));
  return {
    schema: relation.schema,
    name: relation.name,
    columns: isHistory ? [POSITION, ...columns] : columns,
    key: [...key],
    foreignKeys: (now?.foreignKeys ?? []).filter(({ columns }) => columns.every((name) => names.has(name))),
  };
}

function keyOf(
  { columns, replicaIdentity, schema, name }: Relation,
  now: TableSchema | null,
  known: TableSchema | undefined,
): readonly string[] {
  const names = new Set(columns.map((column) => column.name));
  const fitting = [now?.key, known?.key].filter(
    (key) => key !== undefined && key.length > 0 && key.every((column) => names.has(column)),
  );
  // The default identity is the primary key, but the message does not tell the order of its columns.
  if (replicaIdentity === 'default') {
    const identity = columns.filter(({ isIdentity }) => isIdentity).map((column) => column.name);
    const inOrder = fitting.find(
      (key) => key?.length === identity.length && identity.every((column) => key.includes(column)),
    );
    if (identity.length > 0) return inOrder ?? identity;
  }
  const [key] = fitting;
  if (key !== undefined) return key;
  throw new TailraceError(
    'TABLE_WITHOUT_KEY',
    `table ${qualifiedName({ schema, name })} has lost its primary key, so its changes cannot be told apart`,
    `add a primary key and start the producer again, or leave the table out with source.exclude: [${schema}.${name}]`,
  );
}
