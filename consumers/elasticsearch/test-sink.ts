import type { SinkHarness } from '../../test/sink-contract.ts';
import { createLogger, type Logger } from '../../core/logger.ts';
import type { Sink, Target } from '../sink.ts';
import { tableOptionsOf } from '../../test/table-options.ts';
import { sink as elasticsearch } from './index.ts';
import { aliasNameOf } from './names.ts';
import { storedRow, testServer, type StoredDocument } from './test-server.ts';

/** What the integration tests of this folder share: sinks on the server of ELASTICSEARCH_URL, and a reader beside them. */

export const server = testServer();

/** `table` has the options of every table. */
export function newSink(
  options: object = {},
  table: Readonly<Record<string, unknown>> = {},
  log: Logger = createLogger({ test: 'elasticsearch' }),
): Sink {
  const context = {
    name: 'test',
    log,
    tableOptions: tableOptionsOf(elasticsearch, 'test', { 'public.*': table }),
  };
  return elasticsearch.create(elasticsearch.options.parse({ url: server.url, ...options }), context);
}

export async function openSink(options?: object): Promise<{ sink: Sink; close(): Promise<void> }> {
  const sink = newSink(options);
  await sink.connect();
  return { sink, close: () => sink.close() };
}

/** Live documents by `_id`, as a reader of the alias finds them. */
export async function search(
  name: string,
  query: object = { match_all: {} },
): Promise<Map<string, StoredDocument>> {
  await server.call('POST', `/${name}/_refresh`);
  const answer = (await server.call('POST', `/${name}/_search`, { size: 10_000, query })) as {
    hits: { hits: { _id: string; _source: Record<string, unknown> }[] };
  };
  return new Map(answer.hits.hits.map(({ _id: id, _source: source }) => [id, { id, source }]));
}

export async function removeIndices(targets: readonly Target[]): Promise<void> {
  for (const { name } of targets) await server.call('DELETE', `/${aliasNameOf(name)}-1`);
}

/** Asserts that the sink stops with SINK_SCHEMA_CONFLICT and tells why. */
export async function conflictOf(work: Promise<unknown>): Promise<string> {
  const verdict = elasticsearch.classify(await work.catch((thrown: unknown) => thrown));
  return `${verdict.outcome} ${verdict.code}: ${verdict.sentence}`;
}

/** This store in the shared contract. */
export const harness: SinkHarness = {
  open: openSink,
  async read(target) {
    const documents = await search(aliasNameOf(target.name));
    return new Map([...documents].map(([id, document]) => [id, storedRow(target, document)]));
  },
  remove: removeIndices,
  classify: (error) => elasticsearch.classify(error),
  tellsStale: true,
  // Longer than an _id may be.
  impossibleRow: () => Promise.resolve({ id: 'secret'.repeat(100), day: '2024-02-29' }),
  async passTombstoneTime({ name }) {
    const index = `/${aliasNameOf(name)}-1`;
    await server.call('PUT', `${index}/_settings`, { 'index.gc_deletes': '0s' });
    await server.call('POST', `${index}/_forcemerge?max_num_segments=1`);
  },
};
