import type pg from 'pg';
import type { EnumLabels } from '../../../schemas/typescript-tables.ts';

/** The labels of all enum types of the database, in their order; domains over enums have those of their base type. */
export async function readEnumLabels(client: pg.Client): Promise<EnumLabels> {
  const { rows } = await client.query<{ type: string; labels: string }>(
    `WITH RECURSIVE based AS (
       SELECT oid, oid AS base FROM pg_type WHERE typtype = 'e'
       UNION ALL SELECT d.oid, b.base FROM based b JOIN pg_type d ON d.typbasetype = b.oid AND d.typtype = 'd')
     SELECT format_type(b.oid, -1) AS type, json_agg(e.enumlabel ORDER BY e.enumsortorder) AS labels
       FROM based b JOIN pg_enum e ON e.enumtypid = b.base GROUP BY b.oid`,
  );
  return new Map(rows.map(({ type, labels }) => [type, JSON.parse(labels) as string[]]));
}
