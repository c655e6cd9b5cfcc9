import type { SinkHarness } from '../../test/sink-contract.ts';
import { createLogger } from '../../core/logger.ts';
import { keyText } from '../../schemas/key-text.ts';
import type { Row } from '../../schemas/value.ts';
import type { StoredRow } from '../../test/sink-contract-model.ts';
import type { Sink, Target } from '../sink.ts';
import { tableOptionsOf } from '../../test/table-options.ts';
import { sink as clickhouse } from './index.ts';
import { quoteName } from './quote.ts';
import { viewOf } from './table-layout.ts';
import { createClickHouseSink, type ClickHouseSink } from './sink.ts';
import { storedRow, testServer } from './test-server.ts';

/** What the integration tests of this folder share: a database of their own, sinks on it, and a reader beside them. */

export const server = testServer();

/** `mapping` is that of every table. */
export function newSink(
  options: object = {},
  mapping: Readonly<Record<string, unknown>> = {},
): ClickHouseSink {
  const context = {
    name: 'test',
    log: createLogger({ test: 'clickhouse' }),
    tableOptions: tableOptionsOf(clickhouse, 'test', { 'public.*': mapping }),
  };
  return createClickHouseSink(clickhouse.options.parse({ url: server.url, ...options }), context);
}

export async function openSink(): Promise<{ sink: Sink; close(): Promise<void> }> {
  const sink = newSink();
  await sink.connect();
  return { sink, close: () => sink.close() };
}

/** The rows of a target's view by their key. */
export async function readLive(target: Target): Promise<Map<string, StoredRow>> {
  const rows = await server.rows(`SELECT * FROM ${quoteName(viewOf(target.name))}`);
  return new Map(
    rows.map((row) => {
      const stored = storedRow(target, row);
      return [keyText(target.table.key, stored as Row), stored];
    }),
  );
}

/** Column name to type, as ClickHouse has them. */
export async function typesOf(table: string): Promise<Record<string, unknown>> {
  const rows = await server.rows(
    `SELECT name, type FROM system.columns WHERE database = '${server.database}' AND table = '${table}'`,
  );
  return Object.fromEntries(rows.map(({ name, type }) => [String(name), type]));
}

export async function verdictOf(work: Promise<unknown>): Promise<unknown> {
  return clickhouse.classify(await work.catch((thrown: unknown) => thrown));
}

/** This store in the shared contract. */
export const harness: SinkHarness = {
  open: openSink,
  read: readLive,
  // The database goes as a whole.
  remove: () => Promise.resolve(),
  classify: (error) => clickhouse.classify(error),
  tellsStale: false,
  // A date of the key cannot become a String.
  impossibleRow: () => Promise.resolve({ id: 'secret', day: 'infinity' }),
  async passTombstoneTime({ name }) {
    await server.run(`OPTIMIZE TABLE ${name} FINAL`);
  },
};
