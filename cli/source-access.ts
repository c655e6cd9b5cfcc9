import type pg from 'pg';
import { connectSource, sourceError } from '../producers/postgres/connection.ts';
import { listTables, readTableSchema } from '../producers/postgres/tables/catalog.ts';
import { currentSnapshot, readRow } from '../producers/postgres/snapshot/snapshot.ts';
import { sees } from '../producers/postgres/snapshot/snapshot-window.ts';
import type { SourceAccess } from '../consumers/debezium/topics.ts';
import { pause } from '../core/retry.ts';
import { qualifiedName, type TableSchema } from '../schemas/table-schema.ts';

const VISIBLE_POLL_MS = 20;

/** The database of `url` for a sink that reads Debezium's topics; it connects only while it is asked. Throws SOURCE_* errors. */
export function sourceAccess(url: string, applicationName: string, signal: AbortSignal): SourceAccess {
  const connected = async <Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> => {
    const client = await connectSource(url, applicationName);
    try {
      return await work(client);
    } catch (error) {
      throw sourceError(error, url);
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  return {
    tables: () => connected(tablesWithKeys),
    readUnavailable: (events) =>
      connected(async (client) => {
        const tables = new Map((await tablesWithKeys(client)).map((table) => [qualifiedName(table), table]));
        const rows = [];
        for (const { event, unavailable } of events) {
          const table = tables.get(qualifiedName(event.table));
          // A transaction reaches the topic before other sessions see it where its commit waits for a standby.
          if (event.source.txId !== null) await untilVisible(client, event.source.txId, signal);
          const row = table === undefined ? null : await readRow(client, table, event.key);
          rows.push(
            row === null ? null : Object.fromEntries(unavailable.map((name) => [name, row[name] ?? null])),
          );
        }
        return rows;
      }),
  };
}

async function tablesWithKeys(client: pg.Client): Promise<TableSchema[]> {
  const tables: TableSchema[] = [];
  for (const { oid, hasPrimaryKey } of await listTables(client)) {
    const table = hasPrimaryKey ? await readTableSchema(client, oid) : null;
    if (table !== null) tables.push(table);
  }
  return tables;
}

async function untilVisible(client: pg.Client, xid: number, signal: AbortSignal): Promise<void> {
  while (!sees(await currentSnapshot(client), Number(BigInt.asUintN(32, BigInt(xid))))) {
    await pause(VISIBLE_POLL_MS, signal);
    signal.throwIfAborted();
  }
}
