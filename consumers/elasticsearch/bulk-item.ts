import { TailraceError } from '../../core/errors.ts';
import type { TableSchema } from '../../schemas/table-schema.ts';
import type { Write, WriteOutcome } from '../sink.ts';
import { classify, refusalOf } from './errors.ts';
import { documentId, documentOf } from './mapping.ts';
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
export function bulkItem(position: number, write: Write): BulkItem {
  const { table, name } = write.target;
  // The version is written as bare digits: it passes 2^53, so that it must not become a JavaScript number.
  const action =
    `{"index":{"_index":${JSON.stringify(aliasNameOf(name))},"_id":${JSON.stringify(documentId(table, write.key))},` +
    `"version_type":"external_gte","version":${externalVersion(write.position)}}}`;
  const lines = `${action}\n${documentOf(write, Date.now())}\n`;
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
