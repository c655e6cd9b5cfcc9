import type { Sink, SinkContext } from '../sink.ts';
import { writeBulk } from './bulk.ts';
import type { ElasticsearchOptions } from './config.ts';
import { openIndices } from './indices.ts';
import { openClient, sender } from './requests.ts';
import { truncateIndex } from './truncate.ts';

const CONNECT_TIMEOUT_MS = 5_000;

/** Alias `<name>` on index `<name>-1`, one versioned document a row. Layout and rules: README.md beside this file. */
export function createElasticsearchSink(options: ElasticsearchOptions, { log }: SinkContext): Sink {
  const client = openClient(options);
  const send = sender(client);
  const indices = openIndices(send, log);
  return {
    async connect() {
      await send({ method: 'GET', path: '/_cluster/health', timeoutMs: CONNECT_TIMEOUT_MS });
    },

    async prepare(targets) {
      for (const target of targets) await indices.prepare(target);
    },

    write: (writes) => writeBulk(send, indices, writes, options.refresh),

    truncate: (target, position) => truncateIndex(send, target, position, options.refresh),

    close: () => client.close(),
  };
}
