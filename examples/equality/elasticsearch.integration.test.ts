import { expect, test } from 'vitest';
import { findsEveryDifference } from './found-differences.ts';
import { handType, keyText, serverUrl } from './hand-written.ts';
import type { HandTable, HandType, HandWriter, Texts } from './hand-written.ts';
import { open } from './elasticsearch.ts';

/** Types whose text stands in the document as it is, unquoted; all others are JSON strings. */
const RAW: ReadonlySet<HandType> = new Set<HandType>(['int8', 'float4', 'float8', 'bool', 'jsonb']);

findsEveryDifference('elasticsearch', async (url): Promise<HandWriter> => ({
  create: (table) =>
    send(url, 'PUT', `/${table.name}-1`, {
      settings: { number_of_replicas: 0 },
      mappings: { dynamic: false, properties: { __deleted: { type: 'boolean' } } },
      aliases: { [table.name]: { filter: { bool: { must_not: { term: { __deleted: true } } } } } },
    }),
  put: (table, row) => sendText(url, 'PUT', document(table, row), body(table, row)),
  // A deleted row stays as a document that the alias hides.
  remove: (table, row) => send(url, 'PUT', document(table, row), { __deleted: true }),
  drop: (table) => send(url, 'DELETE', `/${table.name}-1`),
  close: async () => undefined,
}));

test('an alias that does not exist is an error, not an empty table', async () => {
  const reader = await open(serverUrl('ELASTICSEARCH_URL'));
  const table = { schema: 'public', name: 'no_such_alias', columns: [], key: [], foreignKeys: [] };
  await expect(reader.count(table)).rejects.toThrow('404 (index_not_found_exception)');
  await reader.close();
});

function document(table: HandTable, row: Texts): string {
  return `/${table.name}-1/_doc/${encodeURIComponent(keyText(table, row))}`;
}

function body(table: HandTable, row: Texts): string {
  const members = Object.entries(row).flatMap(([name, text]) => {
    if (text === null) return [];
    return [`${JSON.stringify(name)}:${RAW.has(handType(table, name)) ? text : JSON.stringify(text)}`];
  });
  return `{"__pos":"0",${members.join(',')}}`;
}

async function send(url: string, method: string, path: string, content?: object): Promise<void> {
  await sendText(url, method, path, content === undefined ? undefined : JSON.stringify(content));
}

async function sendText(url: string, method: string, path: string, content?: string): Promise<void> {
  const { origin, username, password } = new URL(url);
  const response = await fetch(origin + path, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(username === '' ? {} : { authorization: `Basic ${btoa(`${username}:${password}`)}` }),
    },
    ...(content === undefined ? {} : { body: content }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
}
