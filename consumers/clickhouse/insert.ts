import { Readable } from 'node:stream';
import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';
import { TailraceError, toError } from '../../core/errors.ts';
import type { Target, WriteOutcome } from '../sink.ts';
import { classify, withoutValues } from './errors.ts';
import type { StoredColumns } from './mapping.ts';
import { encodeBlock, type RowSource } from './native-block.ts';
import { quoteName } from './quote.ts';

/** How rows are sent. */
export interface Inserter {
  readonly client: ClickHouseClient;
  readonly settings: ClickHouseSettings;
}

/** A table that takes entries of one target. */
export interface Destination<Entry> {
  readonly target: Target;
  /** Its name in ClickHouse: the target's, or that of its history. */
  readonly table: string;
  readonly source: RowSource<Entry>;
  stored(): Promise<StoredColumns>;
  /** Makes columns String, for values that their types cannot hold. */
  widen(columns: ReadonlySet<string>): Promise<StoredColumns>;
}

/** An entry, and where its outcome belongs. */
export interface Item<Entry> {
  readonly place: number;
  readonly entry: Entry;
}

/**
 * Inserts entries by one INSERT and sets one outcome each: `applied`, because the table itself keeps the highest version of a
 * row, or `rejected`. Throws when the insert failed for a reason that no row is to blame for.
 */
export async function insertEntries<Entry>(
  inserter: Inserter,
  destination: Destination<Entry>,
  items: readonly Item<Entry>[],
  outcomes: WriteOutcome[],
): Promise<void> {
  if (items.length === 0) return;
  const { target, source } = destination;
  const entries = items.map(({ entry }) => entry);
  const first = encodeBlock(target, await destination.stored(), source, entries);
  // A String holds every value, so the second time no column is left over.
  const block =
    first.misfits.size === 0
      ? first
      : encodeBlock(target, await destination.widen(first.misfits), source, entries);
  for (const [index, error] of block.rejected) {
    const place = items[index]?.place;
    if (place !== undefined) outcomes[place] = { result: 'rejected', error };
  }
  if (block.rejected.size === 0) await send(inserter, destination, items, block.chunks, outcomes);
  else {
    const rest = items.filter((_, index) => !block.rejected.has(index));
    await insertEntries(inserter, destination, rest, outcomes);
  }
}

/** When the server refuses the rows for what they hold, they are halved until the row to blame stands alone. */
async function send<Entry>(
  inserter: Inserter,
  destination: Destination<Entry>,
  items: readonly Item<Entry>[],
  chunks: readonly Buffer[],
  outcomes: WriteOutcome[],
): Promise<void> {
  try {
    await insert(inserter, destination, chunks);
    for (const { place } of items) outcomes[place] = { result: 'applied' };
  } catch (error) {
    const verdict = classify(error);
    if (verdict.outcome !== 'park') throw error;
    const [only] = items;
    if (items.length === 1 && only !== undefined) {
      const message = `a row of ${destination.table}: ${toError(error).message}`;
      const rejection = new TailraceError('SINK_EVENT_REJECTED', message, verdict.sentence);
      outcomes[only.place] = { result: 'rejected', error: rejection };
      return;
    }
    const middle = Math.ceil(items.length / 2);
    await insertEntries(inserter, destination, items.slice(0, middle), outcomes);
    await insertEntries(inserter, destination, items.slice(middle), outcomes);
  }
}

async function insert<Entry>(
  { client, settings }: Inserter,
  { target, table, source }: Destination<Entry>,
  chunks: readonly Buffer[],
): Promise<void> {
  const columns = [...target.table.columns, ...source.added].map(({ name }) => quoteName(name));
  try {
    const answer = await client.exec({
      query: `INSERT INTO ${quoteName(table)} (${columns.join(', ')}) FORMAT Native`,
      values: Readable.from(chunks, { objectMode: false }),
      clickhouse_settings: settings,
    });
    // The answer is empty; an unread one would hold its connection.
    for await (const _ of answer.stream);
  } catch (error) {
    throw withoutValues(error);
  }
}
