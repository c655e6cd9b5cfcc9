import {
  ClickHouseLogLevel,
  createClient,
  type ClickHouseClient,
  type ClickHouseSettings,
} from '@clickhouse/client';
import type { Sink, SinkContext } from '../sink.ts';
import type { ClickHouseOptions } from './config.ts';
import { insertWrites } from './insert.ts';
import { truncateRows } from './statements.ts';
import { assertNoViewAmong } from './structure.ts';
import { openTables } from './tables.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** Without a byte from the server. */
const REQUEST_TIMEOUT_MS = 60_000;
/** The server says that it is still at work, before the client takes the silence for a lost connection. */
const LONG_WORK: ClickHouseSettings = {
  send_progress_in_http_headers: 1,
  http_headers_progress_interval_ms: '20000',
};

/** Table `<name>` and view `<name>_current`, one INSERT a table and batch. Layout and rules: README.md beside this file. */
export function createClickHouseSink(options: ClickHouseOptions, { log }: SinkContext): Sink {
  const client = openClient(options);
  const inserter = { client, settings: insertSettings(options) };
  const tables = openTables({ client, textColumns: new Set(options.textColumns), log });
  return {
    async connect() {
      const abort = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
      const answer = await client.query({ query: 'SELECT 1', format: 'JSONEachRow', abort_signal: abort });
      await answer.json();
    },

    async prepare(targets) {
      assertNoViewAmong(targets);
      for (const target of targets) await tables.prepare(target);
    },

    write: (writes) => insertWrites(inserter, tables, writes),

    async truncate(target, position) {
      await tables.columnsOf(target);
      await client.command({
        query: truncateRows(target.name, target.table.key),
        query_params: { position: BigInt(`0x${position}`).toString() },
        clickhouse_settings: LONG_WORK,
      });
    },

    close: () => client.close(),
  };
}

/** The client lets the parts of a url win over its options, so the url is taken apart here. */
function openClient(options: ClickHouseOptions): ClickHouseClient {
  const url = new URL(options.url);
  const username = options.username ?? decodeURIComponent(url.username);
  const password = options.password ?? decodeURIComponent(url.password);
  const database = options.database ?? decodeURIComponent(url.pathname.slice(1));
  url.username = '';
  url.password = '';
  url.pathname = '/';
  return createClient({
    url,
    ...(username === '' ? {} : { username, password }),
    ...(database === '' ? {} : { database }),
    ...(options.ca === undefined ? {} : { tls: { ca_cert: Buffer.from(options.ca) } }),
    compression: { request: options.compression },
    request_timeout: REQUEST_TIMEOUT_MS,
    // The runtime logs errors, once and without values.
    log: { level: ClickHouseLogLevel.OFF },
  });
}

/** All of them are set, because the server's own defaults differ by version and by profile. */
function insertSettings({ asyncInsert }: ClickHouseOptions): ClickHouseSettings {
  return {
    async_insert: asyncInsert ? 1 : 0,
    wait_for_async_insert: 1,
    date_time_input_format: 'basic',
    input_format_null_as_default: 0,
    precise_float_parsing: 1,
  };
}
