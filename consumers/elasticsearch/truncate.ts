import type { Position } from '../../schemas/position.ts';
import type { Target, WriteOutcome } from '../sink.ts';
import { tombstoneItem } from './bulk-item.ts';
import type { SendItems } from './bulk.ts';
import { ElasticsearchRefusal } from './errors.ts';
import { path } from './index-state.ts';
import { aliasNameOf } from './names.ts';
import type { Send } from './requests.ts';
import { indexOf } from './structure.ts';

/** Documents a page; each page is one bulk request, so memory stays the same for a table of any size. */
const PAGE_DOCUMENTS = 2_000;
/** How long the server keeps the frozen view for the next page. */
const KEEP_ALIVE = '5m';

interface Hit {
  readonly _id: string;
  readonly _routing?: string;
  readonly sort: readonly unknown[];
}

interface SearchAnswer {
  /** The point in time under the id that holds from now on. */
  readonly pit_id?: string;
  readonly timed_out: boolean;
  readonly _shards: { readonly failed: number };
  readonly hits: { readonly hits: readonly Hit[] };
}

/**
 * Writes a tombstone over every document older than `position`, tombstones included: an older one would let pass what came
 * between. The version guard leaves alone what became newer since it was found.
 */
export async function truncateIndex(
  send: Send,
  sendItems: SendItems,
  target: Target,
  position: Position,
): Promise<void> {
  const alias = aliasNameOf(target.name);
  // Not the alias itself, which hides tombstones; a lost one is answered with the server's own error.
  const index = (await indexOf(send, alias)) ?? alias;
  for await (const hits of olderDocuments(send, index, position)) {
    const outcomes: WriteOutcome[] = [];
    const items = hits.map(({ _id: id, _routing: routing = null }, slot) =>
      tombstoneItem(slot, target, { alias, id, routing }, position),
    );
    await sendItems(items, outcomes);
    for (const outcome of outcomes) if (outcome.result === 'rejected') throw outcome.error;
  }
}

/** Pages of the documents that were acknowledged before and have an older version. */
async function* olderDocuments(
  send: Send,
  index: string,
  position: Position,
): AsyncGenerator<readonly Hit[]> {
  assertWhole(await send({ method: 'POST', path: `/${path(index)}/_refresh` }));
  const opened = await send({
    method: 'POST',
    path: `/${path(index)}/_pit`,
    query: { keep_alive: KEEP_ALIVE },
  });
  let { id } = opened.body as { id: string };
  try {
    let after: object = {};
    for (;;) {
      const { body } = await send({
        method: 'POST',
        path: '/_search',
        body: {
          size: PAGE_DOCUMENTS,
          query: { range: { __pos: { lt: position } } },
          pit: { id, keep_alive: KEEP_ALIVE },
          sort: ['_shard_doc'],
          _source: false,
          track_total_hits: false,
          ...after,
        },
      });
      assertWhole({ body });
      const {
        pit_id: nextId = id,
        hits: { hits },
      } = body as SearchAnswer;
      id = nextId;
      const last = hits.at(-1);
      if (last === undefined) return;
      yield hits;
      after = { search_after: last.sort };
    }
  } finally {
    // It would end by itself; when the server is away that is soon enough.
    await send({ method: 'DELETE', path: '/_pit', body: { id } }).catch(() => undefined);
  }
}

/** Elasticsearch answers 200 when only some shards answered: their rows must not pass for all. */
function assertWhole({ body }: { readonly body: unknown }): void {
  const { timed_out: timedOut = false, _shards: shards } = body as Partial<SearchAnswer>;
  if (timedOut || (shards?.failed ?? 0) > 0)
    throw new ElasticsearchRefusal(503, 'search_phase_execution_exception');
}
