import type { Sink, SinkContext } from '../sink.ts';
import { writeBulk } from './bulk.ts';
import type { ElasticsearchOptions } from './config.ts';
import { openClient, sender } from './requests.ts';
import { prepareIndex } from './structure.ts';

const CONNECT_TIMEOUT_MS = 5_000;

/** Alias `<name>` on index `<name>-1`, one versioned document a row. Layout and rules: README.md beside this file. */
export function createElasticsearchSink(options: ElasticsearchOptions, _context: SinkContext): Sink {
  const client = openClient(options);
  const send = sender(client);
  return {
    async connect() {
      await send({ method: 'GET', path: '/_cluster/health', timeoutMs: CONNECT_TIMEOUT_MS });
    },

    async prepare(targets) {
      for (const target of targets) await prepareIndex(send, target);
    },

    write: (writes) => writeBulk(send, writes, options.refresh),

    close: () => client.close(),
  };
}
