import type pg from 'pg';
import { quoteTable } from '../quote.ts';

/**
 * How many rows the planner expects. `where` is a condition of the user's; what is wrong with it is thrown by `pg`. The
 * extended protocol takes a single statement, so a condition that would end the statement and begin another is refused.
 */
export async function estimateRows(
  client: pg.Client,
  table: { schema: string; name: string },
  where?: string,
): Promise<number | null> {
  const condition = where === undefined ? '' : ` WHERE (\n${where}\n)`;
  const query: pg.QueryConfig & { queryMode: 'extended' } = {
    text: `EXPLAIN (FORMAT JSON) SELECT FROM ${quoteTable(table)}${condition}`,
    queryMode: 'extended',
  };
  const { rows } = await client.query<Record<string, string>>(query);
  const [plan] = JSON.parse(rows[0]?.['QUERY PLAN'] ?? '[]') as { Plan?: { 'Plan Rows'?: number } }[];
  return plan?.Plan?.['Plan Rows'] ?? null;
}
