import { createClient } from '@clickhouse/client';
import { findsEveryDifference } from './found-differences.ts';
import type { HandTable, HandType, HandWriter, Texts } from './hand-written.ts';

const TYPES: Readonly<Record<HandType, string>> = {
  int8: 'Int64',
  text: 'String',
  money: 'Decimal(10, 2)',
  numeric: 'String',
  float4: 'Float32',
  float8: 'Float64',
  bool: 'Bool',
  date: 'Date32',
  timestamp: "DateTime64(6, 'UTC')",
  timestamptz: "DateTime64(6, 'UTC')",
  ms: "DateTime64(3, 'UTC')",
  bytea: 'String',
  uuid: 'UUID',
  jsonb: 'String',
  json: 'String',
};

findsEveryDifference('clickhouse', async (url): Promise<HandWriter> => {
  const client = createClient({ url, clickhouse_settings: { date_time_input_format: 'best_effort' } });
  let version = 0;
  async function insert(table: HandTable, row: Texts, isDeleted: 0 | 1): Promise<void> {
    version += 1;
    const isOpen =
      row['is_open'] === undefined ? {} : { is_open: JSON.parse(String(row['is_open'])) as unknown };
    const values = [{ ...row, ...isOpen, __pos: version, __deleted: isDeleted }];
    await client.insert({ table: table.name, values, format: 'JSONEachRow' });
  }
  return {
    create: async ({ name, columns, key }) => {
      const defined = Object.entries(columns).map(([column, type]) =>
        key.includes(column) ? `${column} ${TYPES[type]}` : `${column} Nullable(${TYPES[type]})`,
      );
      await client.command({
        query: `CREATE TABLE ${name} (${defined.join(', ')}, __pos UInt128, __deleted UInt8)
                ENGINE = ReplacingMergeTree(__pos, __deleted) ORDER BY (${key.join(', ')})`,
      });
      await client.command({
        query: `CREATE VIEW ${name}_current AS SELECT * FROM ${name} FINAL`,
      });
    },
    put: (table, row) => insert(table, row, 0),
    remove: (table, row) => insert(table, row, 1),
    drop: async ({ name }) => {
      await client.command({ query: `DROP VIEW ${name}_current` });
      await client.command({ query: `DROP TABLE ${name}` });
    },
    close: () => client.close(),
  };
});
