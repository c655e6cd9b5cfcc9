import type { ClickHouseSettings } from '@clickhouse/client';
import type { Sink, SinkContext, Target, WriteOutcome } from '../sink.ts';
import { openClient } from './client.ts';
import type { ClickHouseOptions, ClickHouseTableOptions } from './config.ts';
import { insertEntries, type Inserter } from './insert.ts';
import type { RowSource } from './native-block.ts';
import { openPartsWatch, type PartsWatch } from './parts-watch.ts';
import { CHANGES, WRITES } from './rows.ts';
import { syncReplica, truncateRows } from './statements.ts';
import { readTable } from './stored-table.ts';
import { historyOf } from './table-layout.ts';
import { openTables, type Tables } from './tables.ts';
import { assertNamesDiffer } from './taken-names.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** Without a byte from the server. */
const REQUEST_TIMEOUT_MS = 60_000;
/** The server says that it is still at work, before the client takes the silence for a lost connection. */
const LONG_WORK: ClickHouseSettings = {
  send_progress_in_http_headers: 1,
  http_headers_progress_interval_ms: '20000',
};
/** The first rows of a table that is partitioned by time may lie in any number of partitions. */
const ANY_PARTITIONS: ClickHouseSettings = { max_partitions_per_insert_block: '0' };
/** Each INSERT makes a part a partition, and parts have to be merged: few and large ones are what ClickHouse wants. */
const MAX_WRITES = 50_000;
const MAX_BYTES = 10 * 1024 * 1024;

/** A sink that keeps histories. */
export type ClickHouseSink = Sink & Required<Pick<Sink, 'history'>>;

/** Table `<name>` and view `<name>_current`, one INSERT a table and batch. Layout and rules: README.md beside this file. */
export function createClickHouseSink(
  options: ClickHouseOptions,
  { log, tableOptions }: SinkContext<ClickHouseTableOptions>,
): ClickHouseSink {
  const client = openClient(options, {
    ...(options.compression === 'none' ? {} : { compression: { request: { codec: options.compression } } }),
    request_timeout: REQUEST_TIMEOUT_MS,
  });
  const inserter = { client, settings: insertSettings(options) };
  const tables = openTables({ client, log }, tableOptions);
  const shared = { inserter, tables, watchParts: openPartsWatch(client, log) };
  const rows = { ...shared, source: WRITES, tableOf: ({ name }: Target) => name };
  const changes = { ...shared, source: CHANGES, tableOf: ({ name }: Target) => historyOf(name) };
  let known: ReadonlyMap<string, Target> = new Map();
  return {
    maxWrites: MAX_WRITES,
    maxBytes: MAX_BYTES,
    lingerMs: options.lingerMs,

    async connect() {
      const abort = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
      const answer = await client.query({ query: 'SELECT 1', format: 'JSONEachRow', abort_signal: abort });
      await answer.json();
    },

    async prepare(targets) {
      const all = new Map([...known, ...targets.map((target) => [target.name, target] as const)]);
      assertNamesDiffer([...all.values()], tableOptions);
      known = all;
      for (const target of targets) await tables.prepare(target);
    },

    write: (writes) => insertAll(rows, writes),

    history: {
      keeps: ({ table }) => tableOptions(table).history !== null,
      record: (events) => insertAll(changes, events),
    },

    async truncate(target, position) {
      await tables.columnsOf(target, target.name);
      // What it does not see it would leave: other replicas may have acknowledged rows that this one has not got yet.
      const engine = (await readTable(client, target.name))?.engine ?? '';
      if (engine.startsWith('Replicated'))
        await client.command({ query: syncReplica(target.name), clickhouse_settings: LONG_WORK });
      await client.command({
        query: truncateRows(target.name, target.table.key),
        query_params: { position: BigInt(`0x${position}`).toString() },
        clickhouse_settings: {
          ...LONG_WORK,
          ...ANY_PARTITIONS,
          ...(engine.startsWith('Shared') ? { select_sequential_consistency: '1' } : {}),
        },
      });
    },

    close: () => client.close(),
  };
}

interface Insertion<Entry> {
  readonly inserter: Inserter;
  readonly tables: Tables;
  readonly watchParts: PartsWatch;
  readonly source: RowSource<Entry>;
  readonly tableOf: (target: Target) => string;
}

/** One INSERT for each target, and one outcome for each entry. */
async function insertAll<Entry extends { readonly target: Target }>(
  { inserter, tables, watchParts, source, tableOf }: Insertion<Entry>,
  entries: readonly Entry[],
): Promise<WriteOutcome[]> {
  const outcomes: WriteOutcome[] = [];
  const places = Map.groupBy(entries.keys(), (place) => entries[place]?.target);
  for (const [target, own] of places) {
    if (target === undefined) continue;
    const table = tableOf(target);
    const destination = {
      target,
      table,
      source,
      stored: () => tables.columnsOf(target, table),
      widen: (columns: ReadonlySet<string>) => tables.widen(target, table, columns),
    };
    await insertEntries(inserter, destination, { all: entries, outcomes, refused: [] }, own);
  }
  await watchParts(new Set(entries.map(({ target }) => tableOf(target))));
  return outcomes;
}

/** All of them are set, because the server's own defaults differ by version and by profile. */
function insertSettings({ asyncInsert }: ClickHouseOptions): ClickHouseSettings {
  return {
    async_insert: asyncInsert ? 1 : 0,
    wait_for_async_insert: 1,
    input_format_null_as_default: 0,
    input_format_native_allow_types_conversion: 1,
    ...ANY_PARTITIONS,
  };
}
