import { valueText } from '../../schemas/key-text.ts';
import type { Column } from '../../schemas/table-schema.ts';
import type { Target } from '../sink.ts';
import type { StoredRow } from '../../test/sink-contract-model.ts';

/** A stored document with its `_id`; numbers of the source are JSON.rawJSON objects, so that no digit is lost. */
export interface StoredDocument {
  readonly id: string;
  readonly source: Readonly<Record<string, unknown>>;
}

/** Speaks to Elasticsearch without the sink's client, whose parser rounds big numbers. */
export function testServer(): {
  url: string;
  call(method: string, path: string, body?: object): Promise<unknown>;
} {
  const url = process.env['ELASTICSEARCH_URL'];
  if (url === undefined)
    throw new Error('ELASTICSEARCH_URL must name a running Elasticsearch (npm run stack -- env)');
  const { origin, username, password } = new URL(url);
  const authorization = `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`;
  return {
    url,
    async call(method, path, body) {
      const response = await fetch(`${origin}${path}`, {
        method,
        headers: { 'content-type': 'application/json', ...(username === '' ? {} : { authorization }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return parseExactly(await response.text());
    },
  };
}

/** JSON.parse, but each number stays the text that it was. */
function parseExactly(text: string): unknown {
  // Node 24 knows the source text of a number and rawJSON; the declared types do not yet.
  const exact = JSON as unknown as { rawJSON(text: string): object };
  const keep = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' && context?.source !== undefined ? exact.rawJSON(context.source) : value;
  return JSON.parse(text, keep);
}

/** A document's columns as the texts that the sink contract compares. */
export function storedRow(target: Target, { source }: StoredDocument): StoredRow {
  return Object.fromEntries(target.table.columns.map((column) => [column.name, columnText(column, source)]));
}

function columnText(column: Column, source: StoredDocument['source']): string | null {
  if (!Object.hasOwn(source, column.name)) return null;
  const value = source[column.name];
  if (column.kind === 'jsonb') return JSON.stringify(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return column.kind === 'float4' || column.kind === 'float8' ? valueText(Number(text)) : text;
}
