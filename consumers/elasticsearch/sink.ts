import type { Sink, SinkContext } from '../sink.ts';
import { openBulk } from './bulk.ts';
import type { ElasticsearchOptions, ElasticsearchTableOptions } from './config.ts';
import { openIndices } from './indices.ts';
import { openClient, sender } from './requests.ts';
import { truncateIndex } from './truncate.ts';
import { writeRows } from './write-rows.ts';

const CONNECT_TIMEOUT_MS = 5_000;

/** An alias on an index for each target, one versioned document a row. Layout and rules: README.md beside this file. */
export function createElasticsearchSink(
  options: ElasticsearchOptions,
  context: SinkContext<ElasticsearchTableOptions>,
): Sink {
  const client = openClient(options);
  const send = sender(client);
  const sendItems = openBulk(send, options.refresh);
  const indices = openIndices(send, context);
  return {
    async connect() {
      await send({ method: 'GET', path: '/_cluster/health', timeoutMs: CONNECT_TIMEOUT_MS });
    },

    async prepare(targets) {
      for (const target of targets) await indices.prepare(target);
    },

    write: (writes) => writeRows(sendItems, indices, writes),

    truncate: (target, position) => truncateIndex(send, sendItems, target, position),

    close: () => client.close(),
  };
}
