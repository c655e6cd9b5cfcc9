import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import type { EntryRow } from '../rows.ts';
import type { OpenStore, StoreBench } from './store.ts';

export const clickhouse: StoreBench = {
  name: 'clickhouse',
  events: 1_000_000,
  rateGoal: 100_000,
  latencyGoalMs: 300,
  bulk: { rows: 50_000, inFlight: 2 },
  options: {},
  open: (url): Promise<OpenStore> => {
    // It would print a page for each question before the sink has made its view.
    const client = createClient({ url, log: { level: ClickHouseLogLevel.OFF } });
    const command = async (query: string) => {
      await client.command({ query });
    };
    const ask = async <Row>(query: string, ids: readonly number[] = []): Promise<Row[]> => {
      const answer = await client.query({ query, query_params: { ids: [...ids] }, format: 'JSONEachRow' });
      return answer.json<Row>();
    };
    const write = async (target: string, rows: readonly EntryRow[]) => {
      await client.insert({
        table: target,
        values: rows.map(({ id, account_id, amount, changed_at, note }) => [
          id,
          account_id,
          amount,
          changed_at,
          note,
        ]),
        format: 'JSONCompactEachRow',
      });
    };
    return Promise.resolve({
      clear: async (target) => {
        await command(`DROP VIEW IF EXISTS ${target}_current SYNC`);
        await command(`DROP TABLE IF EXISTS ${target} SYNC`);
      },
      create: (target) =>
        command(
          `CREATE TABLE ${target} (id Int64, account_id Int32, amount Decimal(12, 2), changed_at DateTime64(6), note String)
           ENGINE = MergeTree ORDER BY id`,
        ),
      insert: write,
      // A row is changed by a newer one beside it; what a plain table would need more than that is not counted.
      replace: write,
      count: async (target) => {
        const [row] = await ask<{ rows: string }>(`SELECT count(DISTINCT id) AS rows FROM ${target}`);
        return Number(row?.rows);
      },
      visible: async (target, ids) => {
        const rows = await ask<{ id: string }>(
          `SELECT id FROM ${target}_current WHERE id IN {ids: Array(Int64)}`,
          ids,
        );
        return rows.map(({ id }) => Number(id));
      },
      [Symbol.asyncDispose]: () => client.close(),
    });
  },
};
