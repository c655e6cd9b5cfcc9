import { Client } from '@elastic/elasticsearch';
import type { ElasticsearchOptions } from './config.ts';
import { withoutDocuments } from './errors.ts';

const REQUEST_TIMEOUT_MS = 60_000;

/** One request; `body` is sent as JSON, `lines` as it is (NDJSON). Statuses other than 2xx throw, but for `ignore`. */
export interface Request {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | boolean>>;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly lines?: string;
  readonly ignore?: readonly number[];
  readonly timeoutMs?: number;
  /** The request has words of the config and of the table's structure alone, so that the server's reason may be told. */
  readonly quotesConfig?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Sends one request. Errors never carry documents (see `withoutDocuments`). */
export type Send = (request: Request) => Promise<Answer>;

/** The client, without retries and discovery of its own: the runtime retries, and the url is the address. */
export function openClient(options: ElasticsearchOptions): Client {
  const url = new URL(options.url);
  const username = options.username ?? decodeURIComponent(url.username);
  const password = options.password ?? decodeURIComponent(url.password);
  url.username = '';
  url.password = '';
  return new Client({
    node: url.href,
    ...credentials(options.apiKey, username, password),
    ...(options.ca === undefined ? {} : { tls: { ca: options.ca } }),
    compression: options.compression,
    requestTimeout: REQUEST_TIMEOUT_MS,
    maxRetries: 0,
    sniffOnStart: false,
    sniffOnConnectionFault: false,
  });
}

function credentials(apiKey: string | undefined, username: string, password: string): object {
  if (apiKey !== undefined) return { auth: { apiKey } };
  return username === '' ? {} : { auth: { username, password } };
}

export function sender(client: Client): Send {
  return async ({ method, path, query, body, lines, ignore, timeoutMs, quotesConfig }) => {
    try {
      const { statusCode, body: answer } = await client.transport.request(
        {
          method,
          path,
          ...(query === undefined ? {} : { querystring: query }),
          ...(body === undefined ? {} : { body }),
          ...(lines === undefined ? {} : { bulkBody: lines }),
        },
        {
          meta: true,
          ignore: [...(ignore ?? [])],
          requestTimeout: timeoutMs ?? REQUEST_TIMEOUT_MS,
        },
      );
      return { status: statusCode, body: answer };
    } catch (error) {
      throw withoutDocuments(error, quotesConfig);
    }
  };
}
