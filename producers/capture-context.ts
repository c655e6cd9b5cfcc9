import type { SourceConfig } from '../core/config/schema.ts';
import type { Logger } from '../core/logger.ts';
import type { ChangeEvent } from '../schemas/change-event.ts';
import type { EncodedEvent } from '../schemas/envelope.ts';
import type { Row } from '../schemas/value.ts';
import type { EventLabel } from './event-labels.ts';
import type { KafkaWriter, WrittenTopic } from './kafka-writer.ts';
import type { PgoutputMessage } from './postgres/pgoutput/messages.ts';
import type { ReadChunk } from './postgres/snapshot/snapshot.ts';
import type { SnapshotWindow } from './postgres/snapshot/snapshot-window.ts';
import type { UndecodableItem } from './postgres/stream/wal-item.ts';
import type { CapturedTable } from './postgres/tables/captured-table.ts';
import type { LeavingChunk } from './snapshot/snapshot-task.ts';
import type { TableOutput } from './table-output.ts';

/** A table that is being captured: how to read its tuples, and where its events go. */
export interface Route {
  readonly captured: CapturedTable;
  readonly output: TableOutput;
  readonly topic: WrittenTopic;
  /** Bytes of key and value that one record may have. */
  readonly recordLimit: number;
  /** For a table without a key: inserts before this LSN come by its snapshot. Null for a table with one. */
  readonly historyFrom: bigint | null;
}

/** What the capture needs from the session around it. */
export interface CaptureContext {
  readonly pipeline: string;
  readonly database: string;
  readonly truncate: SourceConfig['truncate'];
  readonly writer: KafkaWriter<EventLabel>;
  readonly window: SnapshotWindow;
  readonly log: Logger;
  /** Called for each relation message: the route for the table's present shape, or null when it is not captured. */
  route(relation: Extract<PgoutputMessage, { tag: 'relation' }>): Promise<Route | null>;
  /**
   * Fills in the columns of `after` whose unchanged TOAST values the stream left out; null when the row is gone by now, in
   * which case its delete follows.
   */
  wholeRow(captured: CapturedTable, before: Row | null, after: Row, xid: number): Promise<Row | null>;
  /** Keeps a change that cannot be decoded for a person to look at, or throws where that is not wanted. */
  setAside(item: UndecodableItem): Promise<void>;
  /** See fitRow in large-rows.ts. */
  fitRow(route: Route, event: ChangeEvent, encoded: EncodedEvent): Promise<EncodedEvent | null>;
  /** The route of a table whose topic begins anew; null when it is not captured any more. */
  anewRoute(oid: number): Promise<Route | null>;
  /** The chunk that a closing watermark names; undefined when an earlier run of the stream wrote it. */
  chunk(id: string): ReadChunk | undefined;
  /** Keeps the snapshot's progress together with the chunk's rows. */
  chunkLeaves(read: ReadChunk, topic: string): LeavingChunk;
  /** The way of a chunk's rows, which have the shape that the table had when they were read. */
  chunkRoute(read: ReadChunk): Promise<Route>;
  /** The chunk's rows are safe in Kafka (`written`), or it must be read again. */
  chunkSettled(read: ReadChunk, outcome: 'written' | 'repeat'): void;
}
