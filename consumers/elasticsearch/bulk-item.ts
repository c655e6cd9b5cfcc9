import { TailraceError } from '../../core/errors.ts';
import type { Position } from '../../schemas/position.ts';
import type { TableSchema } from '../../schemas/table-schema.ts';
import type { Target, Write, WriteOutcome } from '../sink.ts';
import { classify, refusalOf } from './errors.ts';
import { documentId, documentOf, routingOf, tombstoneOf, type DocumentShape } from './mapping.ts';
import { externalVersion, isShared } from './version.ts';

/** As many as the runtime gives at once: each request costs the server a sync of its log. */
const CHUNK_WRITES = 5_000;
/** Most often as many bytes; a character has three at most. */
const CHUNK_CHARS = 5 * 1024 * 1024;

/** The place of a document. */
export interface DocumentPlace {
  readonly alias: string;
  readonly id: string;
  /** Null where the `_id` chooses the shard. */
  readonly routing: string | null;
}

/** One write as it stands in a bulk request. */
export interface BulkItem {
  /** Where the write stands in the batch. */
  readonly slot: number;
  readonly table: TableSchema;
  /** Action line and document line. */
  readonly lines: string;
  /** Null where a conflict tells that the write is stale; otherwise other positions have the same version. */
  readonly shared: SharedWrite | null;
}

/** What it takes to do a write again in another way. */
export interface SharedWrite {
  readonly place: DocumentPlace;
  readonly position: Position;
  readonly document: string;
}

/** What Elasticsearch answers to one item. */
export interface BulkAnswer {
  readonly status: number;
  readonly error?: { readonly type?: string; readonly reason?: string };
}

/** Throws TailraceError for a write that Elasticsearch cannot hold (SINK_EVENT_REJECTED) or that has no version (stop). */
export function bulkItem(slot: number, write: Write, shape: DocumentShape): BulkItem {
  const { table } = write.target;
  const routing = routingOf(table, write.key, shape);
  const place = { alias: shape.alias, id: documentId(table, write.key), routing };
  return indexItem(slot, table, place, write.position, documentOf(write, shape, Date.now()));
}

/** The tombstone of a document that is known by its place. */
export function tombstoneItem(
  slot: number,
  { table }: Target,
  place: DocumentPlace,
  position: Position,
): BulkItem {
  return indexItem(slot, table, place, position, tombstoneOf(position, Date.now()));
}

function indexItem(
  slot: number,
  table: TableSchema,
  place: DocumentPlace,
  position: Position,
  document: string,
): BulkItem {
  const shared = isShared(position) ? { place, position, document } : null;
  const type = shared === null ? 'external_gte' : 'external';
  // The version is written as bare digits: it passes 2^53, so that it must not become a JavaScript number.
  const guard = `"version_type":"${type}","version":${externalVersion(position)}`;
  return { slot, table, lines: linesOf(place, guard, document), shared };
}

/** The same write, to be done only while the document is the one that was read. */
export function guardedItem(
  { slot, table }: BulkItem,
  shared: SharedWrite,
  read: { readonly seqNo: number; readonly primaryTerm: number },
): BulkItem {
  const guard = `"if_seq_no":${read.seqNo},"if_primary_term":${read.primaryTerm}`;
  return { slot, table, lines: linesOf(shared.place, guard, shared.document), shared };
}

function linesOf({ alias, id, routing }: DocumentPlace, guard: string, document: string): string {
  const action = `{"index":{"_index":${JSON.stringify(alias)},"_id":${JSON.stringify(id)},`;
  const routed = routing === null ? '' : `"routing":${JSON.stringify(routing)},`;
  // A joined text does not hold on to its pieces, and thousands of items wait for their request.
  return [action, routed, guard, '}}\n', document, '\n'].join('');
}

/** Requests of bounded size, none larger than `maxBytes`; a document above the bound goes alone. */
export function* chunksOf(items: readonly BulkItem[], maxBytes: number): Generator<readonly BulkItem[]> {
  const maxChars = Math.min(CHUNK_CHARS, Math.floor(maxBytes / 3));
  let chunk: BulkItem[] = [];
  let chars = 0;
  for (const item of items) {
    if (chunk.length > 0 && (chunk.length === CHUNK_WRITES || chars + item.lines.length > maxChars)) {
      yield chunk;
      chunk = [];
      chars = 0;
    }
    chunk.push(item);
    chars += item.lines.length;
  }
  if (chunk.length > 0) yield chunk;
}

/** Throws what is no fault of the row alone: overload, a lost shard, a missing index. */
export function outcomeOf(item: BulkItem, { status, error }: BulkAnswer): WriteOutcome {
  if (error === undefined) return { result: 'applied' };
  if (status === 409) return { result: 'stale' };
  const refusal = refusalOf(status, error.type, error.reason);
  const verdict = classify(refusal);
  if (verdict.outcome !== 'park') throw refusal;
  const message = `${refusal.message}${columnIn(item.table, error.reason ?? '')}`;
  return { result: 'rejected', error: new TailraceError('SINK_EVENT_REJECTED', message, verdict.sentence) };
}

/** Which column the reason names. The reason itself quotes the value, so no more of it is passed on. */
function columnIn(table: TableSchema, reason: string): string {
  const name = /field \[([^\]]+)\]/.exec(reason)?.[1];
  const column = table.columns.find((candidate) => candidate.name === name);
  return column === undefined ? '' : ` for column ${column.name} (${column.type})`;
}
