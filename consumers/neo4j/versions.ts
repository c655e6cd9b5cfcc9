import type { Transaction } from 'neo4j-driver';
import type { GraphWrite } from './mapping.ts';
import { send } from './send.ts';

/** What became of the writes of a transaction so far. */
export interface Progress {
  readonly stale: Set<GraphWrite>;
  /** Element ids of nodes that lost a relationship or their row. */
  readonly loose: Set<string>;
}

/** The writes that are not older than what is stored; notes the others. An equal position mends what was changed by hand. */
export interface Fresh {
  readonly fresh: readonly GraphWrite[];
  /** Those of them whose key has a live row. */
  readonly live: ReadonlySet<GraphWrite>;
}

/** `text` takes rows `[...key, place]` and answers places and versions. */
export async function readFresh(
  transaction: Transaction,
  text: string,
  writes: readonly GraphWrite[],
  { stale }: Progress,
): Promise<Fresh> {
  const records = await send<{ found: [number, string][] }>(
    transaction,
    text,
    writes.map(({ key }, place) => [...key, place]),
  );
  const live = new Set<GraphWrite>();
  for (const [place, version] of records.flatMap((record) => record.get('found'))) {
    const write = writes[place];
    if (write === undefined) throw new RangeError('the server answered a place that was not sent');
    if (version > write.position) stale.add(write);
    else live.add(write);
  }
  return { fresh: writes.filter((write) => !stale.has(write)), live };
}
