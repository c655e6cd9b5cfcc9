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

/** All entries of a request, and where their outcomes go: to the same places. One object for each destination. */
export interface Entries<Entry> {
  readonly all: readonly Entry[];
  readonly outcomes: WriteOutcome[];
  /** Places of the rows that the server has refused. */
  readonly refused: number[];
}

/** Each refused row costs some INSERTs and small parts: with so many of one table the request fails as a whole. */
const MOST_REFUSED = 10;

const APPLIED: WriteOutcome = { result: 'applied' };

/**
 * Inserts the entries at some places by one INSERT and sets one outcome each: `applied`, because the table itself keeps the
 * highest version of a row, or `rejected`. Throws when the insert failed for a reason that no row is to blame for, and
 * SINK_EVENT_REJECTED where the server refuses many rows.
 */
export async function insertEntries<Entry>(
  inserter: Inserter,
  destination: Destination<Entry>,
  entries: Entries<Entry>,
  places: readonly number[],
): Promise<void> {
  if (places.length === 0) return;
  const { target, source } = destination;
  const { all, outcomes } = entries;
  const own = places.map((place) => all[place] as Entry);
  const first = encodeBlock(target, await destination.stored(), source, own);
  // A String holds every value, so the second time no column is left over.
  const block =
    first.misfits.size === 0
      ? first
      : encodeBlock(target, await destination.widen(first.misfits), source, own);
  if (block.rejected.size === 0) return send(inserter, destination, entries, places, block.chunks);
  for (const [index, error] of block.rejected) {
    const place = places[index];
    if (place === undefined) continue;
    // A row with a key that the table can't hold was never written.
    const isDelete = source.isDelete(all[place] as Entry);
    outcomes[place] = isDelete ? { result: 'stale' } : { result: 'rejected', error };
  }
  const rest = places.filter((_, index) => !block.rejected.has(index));
  return insertEntries(inserter, destination, entries, rest);
}

/** When the server refuses the rows for what they hold, they are halved until the row to blame stands alone. */
async function send<Entry>(
  inserter: Inserter,
  destination: Destination<Entry>,
  entries: Entries<Entry>,
  places: readonly number[],
  chunks: readonly Buffer[],
): Promise<void> {
  const { outcomes } = entries;
  try {
    await insert(inserter, destination, chunks);
    for (const place of places) outcomes[place] = APPLIED;
  } catch (error) {
    if (classify(error).outcome !== 'park') throw error;
    const [only] = places;
    if (places.length === 1 && only !== undefined) return refuse(destination, entries, only, error);
    const middle = Math.ceil(places.length / 2);
    await insertEntries(inserter, destination, entries, places.slice(0, middle));
    await insertEntries(inserter, destination, entries, places.slice(middle));
  }
}

function refuse<Entry>(
  { table, source }: Destination<Entry>,
  { all, outcomes, refused }: Entries<Entry>,
  place: number,
  cause: unknown,
): void {
  const rejected = (what: string): TailraceError =>
    new TailraceError('SINK_EVENT_REJECTED', `${what}: ${toError(cause).message}`, classify(cause).sentence);
  outcomes[place] = { result: 'rejected', error: rejected(`a row of ${table}`) };
  refused.push(place);
  if (refused.length < MOST_REFUSED) return;
  const first = all[refused[0] ?? place] as Entry;
  throw rejected(
    `${MOST_REFUSED} or more rows of ${table}, the first at position ${source.positionOf(first)}`,
  );
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
