import { expect, test } from 'vitest';
import { openPipeline } from './harness.ts';

test('columns with the names that every object has, in the key and beside it, are equal in every store', async () => {
  const table = `odd_names_${Date.now().toString(36)}`;
  await using pipeline = await openPipeline({
    sql: `
      CREATE TABLE ${table} ("constructor" int, "__proto__" text, "toString" text, "valueOf" numeric, "hasOwnProperty" timestamptz,
                             PRIMARY KEY ("constructor", "__proto__"));
      INSERT INTO ${table} VALUES (1, 'a', 'text', 1.50, '2024-02-29Z'), (1, 'b', NULL, NULL, NULL), (2, 'a', 'x', 0, NULL)`,
    sinks: {
      search: 'elasticsearch',
      analytics: 'clickhouse',
      documents: 'mongodb',
      cache: 'redis',
      graph: 'neo4j',
    },
    tables: [table],
  });
  pipeline.start('all');
  await pipeline.untilCaughtUp();
  await pipeline.expectEqual([`public.${table}`]);
  await pipeline.database.query(`
    UPDATE ${table} SET "toString" = NULL, "__proto__" = 'c' WHERE "__proto__" = 'a' AND "constructor" = 1;
    DELETE FROM ${table} WHERE "constructor" = 2; INSERT INTO ${table} VALUES (3, 'z', 't', 7, NULL)`);
  await pipeline.untilCaughtUp();
  await pipeline.expectEqual([`public.${table}`]);
  const [count] = await pipeline.database.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`);
  expect(count?.n).toBe(3);
});
