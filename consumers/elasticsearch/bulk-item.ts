import { TailraceError } from '../../core/errors.ts';
import type { Position } from '../../schemas/position.ts';
import type { TableSchema } from '../../schemas/table-schema.ts';
import type { Target, Write, WriteOutcome } from '../sink.ts';
import { classify, refusalOf } from './errors.ts';
import { documentId, documentOf, tombstoneOf, type StoredFields } from './mapping.ts';
import { aliasNameOf } from './names.ts';
import { externalVersion } from './version.ts';

const CHUNK_WRITES = 2_000;
const CHUNK_BYTES = 5 * 1024 * 1024;

/** One write as it stands in a bulk request. */
export interface BulkItem {
  /** Where the write stands in the batch. */
  readonly position: number;
  readonly table: TableSchema;
  /** Action line and document line. */
  readonly lines: string;
  readonly bytes: number;
}

/** What Elasticsearch answers to one item. */
export interface BulkAnswer {
  readonly status: number;
  readonly error?: { readonly type?: string; readonly reason?: string };
}

/** Throws TailraceError for a write that Elasticsearch cannot hold (SINK_EVENT_REJECTED) or that has no version (stop). */
export function bulkItem(position: number, write: Write, stored: StoredFields): BulkItem {
  const { table } = write.target;
  const document = documentOf(write, stored, Date.now());
  return indexItem(position, write.target, documentId(table, write.key), write.position, document);
}

/** The tombstone of a document that is known by its `_id`. */
export function tombstoneItem(position: number, target: Target, id: string, version: Position): BulkItem {
  return indexItem(position, target, id, version, tombstoneOf(version, Date.now()));
}

function indexItem(
  position: number,
  { name, table }: Target,
  id: string,
  version: Position,
  document: string,
): BulkItem {
  // The version is written as bare digits: it passes 2^53, so that it must not become a JavaScript number.
  const action =
    `{"index":{"_index":${JSON.stringify(aliasNameOf(name))},"_id":${JSON.stringify(id)},` +
    `"version_type":"external_gte","version":${externalVersion(version)}}}`;
  const lines = `${action}\n${document}\n`;
  return { position, table, lines, bytes: Buffer.byteLength(lines) };
}

/** Requests of bounded size; a document above the bound goes alone. */
export function* chunksOf(items: readonly BulkItem[]): Generator<readonly BulkItem[]> {
  let chunk: BulkItem[] = [];
  let bytes = 0;
  for (const item of items) {
    if (chunk.length > 0 && (chunk.length === CHUNK_WRITES || bytes + item.bytes > CHUNK_BYTES)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(item);
    bytes += item.bytes;
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
