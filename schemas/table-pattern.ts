import { z } from 'zod';

/** A pattern of table names as config spells it: `schema.table`, or `schema.*` for every table of a schema. */
export const tablePattern = z
  .string()
  .regex(
    /^[^.\s][^.]*\.[^.]+$/,
    'expected schema.table or schema.* (add the schema, for example public.orders)',
  );

/** Whether one of the patterns fits the table. Names are compared exactly, upper and lower case apart. */
export function matchesTable(
  patterns: readonly string[],
  table: { readonly schema: string; readonly name: string },
): boolean {
  return patterns.some(
    (pattern) => pattern === `${table.schema}.${table.name}` || pattern === `${table.schema}.*`,
  );
}
