import { ClickHouseLogLevel, createClient, type ClickHouseClient } from '@clickhouse/client';
import type { ClickHouseOptions } from './config.ts';

type ClientSettings = Pick<
  NonNullable<Parameters<typeof createClient>[0]>,
  'compression' | 'request_timeout'
>;

/** The client lets the parts of a url win over its options, so the url is taken apart here. */
export function openClient(options: ClickHouseOptions, settings: ClientSettings): ClickHouseClient {
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
    ...settings,
    // The runtime logs errors, once and without values.
    log: { level: ClickHouseLogLevel.OFF },
  });
}
