import { TailraceError } from '../core/errors.ts';
import type { ChangeEvent, Operation } from '../schemas/change-event.ts';
import type { EncodedEvent } from '../schemas/envelope.ts';
import { positionsOf, type Position } from '../schemas/position.ts';
import { qualifiedName } from '../schemas/table-schema.ts';
import { stateTopic } from '../schemas/topics.ts';
import { emptyRow, type Row } from '../schemas/value.ts';
import type { CaptureContext, Route } from './capture-context.ts';
import { eventLabels } from './event-labels.ts';
import { makeEvent, oldRow, rowFromTuple, sameKey } from './postgres/tables/captured-table.ts';
import { POSITION_COLUMN } from './postgres/tables/catalog.ts';
import type { PgoutputMessage } from './postgres/pgoutput/messages.ts';
import type { ReadChunk } from './postgres/snapshot/snapshot.ts';
import { parseTransactionSnapshot } from './postgres/snapshot/snapshot-window.ts';
import { undecodableError, type UndecodableItem, type WalItem } from './postgres/stream/wal-item.ts';
import { MESSAGE_PREFIX, type WalMessage } from './postgres/stream/wal-message.ts';
import { mayBeTooLarge } from './large-rows.ts';

/** Insert, update, delete, message, type, origin. A truncate stands for many rows, so nothing may go on without it. */
const SEPARABLE_TAGS: ReadonlySet<string> = new Set(['I', 'U', 'D', 'M', 'Y', 'O']);

interface Transaction {
  readonly positionAt: (ordinal: number) => Position;
  readonly tsUs: number;
  readonly xid: number;
  ordinal: number;
}

/**
 * Turns the stream's items into records, in order. One instance serves one connection.
 *
 * A change's ordinal follows from the stream's messages alone, never from what is done with them: it must be the same when
 * the transaction comes again, also where a table is no longer captured or a row has gone since.
 */
export class Capture {
  readonly #context: CaptureContext;
  readonly #routes = new Map<number, Route>();
  readonly #label = eventLabels();
  #transaction: Transaction | null = null;
  /** Commit time of the last transaction that was read, heartbeats included; microseconds since 1970. */
  lastCommitTsUs = 0;

  constructor(context: CaptureContext) {
    this.#context = context;
  }

  /** Takes the next item; a promise, where there is one, must be awaited before the next. */
  handle(item: WalItem): Promise<void> | undefined {
    if ('keepalive' in item) {
      // Between transactions, what the server has sent so far holds nothing of ours that is not yet in the writer.
      if (this.#transaction === null) this.#context.writer.checkpoint(item.lsn);
      return undefined;
    }
    if ('undecodable' in item) return this.#setAside(item);
    const { message, lsn } = item;
    switch (message.tag) {
      case 'insert':
        return this.#insert(message, lsn);
      case 'update':
        return this.#update(message, lsn);
      case 'delete':
        return this.#delete(message, lsn);
      case 'begin':
        this.#transaction = {
          positionAt: positionsOf(message.commitLsn),
          tsUs: message.commitTsUs,
          xid: message.xid,
          ordinal: 0,
        };
        this.#context.window.transaction(message.xid);
        return undefined;
      case 'commit':
        this.lastCommitTsUs = this.#current().tsUs;
        this.#transaction = null;
        this.#context.writer.checkpoint(message.endLsn);
        return undefined;
      case 'relation':
        return this.#relation(message);
      case 'truncate':
        return this.#truncate(message.oids, lsn);
      case 'message':
        return message.prefix === MESSAGE_PREFIX
          ? this.#ownMessage(JSON.parse(message.content) as WalMessage, lsn)
          : undefined;
      case 'type':
      case 'origin':
        return undefined;
    }
  }

  /** One change can be set aside; whatever follows another message depends on it. */
  async #setAside(item: UndecodableItem): Promise<void> {
    const { tag } = item.undecodable;
    if (!SEPARABLE_TAGS.has(tag)) throw undecodableError(item);
    // As many as a change with this tag can take: the same each time that it comes.
    if (tag === 'I' || tag === 'D') this.#ordinal(1);
    else if (tag === 'U') this.#ordinal(2);
    await this.#context.setAside(item);
  }

  async #relation(message: Extract<PgoutputMessage, { tag: 'relation' }>): Promise<void> {
    const route = await this.#context.route(message);
    if (route === null) this.#routes.delete(message.oid);
    else this.#routes.set(message.oid, route);
  }

  #insert(message: Extract<PgoutputMessage, { tag: 'insert' }>, lsn: bigint): Promise<void> | undefined {
    const ordinal = this.#ordinal(1);
    const route = this.#routes.get(message.oid);
    if (route === undefined) return undefined;
    const after = rowFromTuple(route.captured, message.after);
    if (route.historyFrom === null) return this.#emit(route, 'c', null, after, ordinal, lsn);
    if (lsn < route.historyFrom) return undefined;
    const position = this.#current().positionAt(ordinal);
    const placed = Object.assign(emptyRow(), after, { [POSITION_COLUMN]: position });
    return this.#emit(route, 'c', null, placed, ordinal, lsn);
  }

  #delete(message: Extract<PgoutputMessage, { tag: 'delete' }>, lsn: bigint): Promise<void> | undefined {
    const ordinal = this.#ordinal(1);
    const route = this.#routes.get(message.oid);
    if (route === undefined) return undefined;
    const before = oldRow(route.captured, message.oldKind, message.before);
    return this.#emit(route, 'd', before, null, ordinal, lsn);
  }

  /** With an old row there may be two events, so two ordinals are taken: a change's own is the second. */
  #update(message: Extract<PgoutputMessage, { tag: 'update' }>, lsn: bigint): Promise<void> | undefined {
    const ordinal = this.#ordinal(message.before === null ? 1 : 2);
    const route = this.#routes.get(message.oid);
    if (route === undefined) return undefined;
    const { captured } = route;
    const before =
      message.before === null || message.oldKind === 'none'
        ? null
        : oldRow(captured, message.oldKind, message.before);
    const after = rowFromTuple(captured, message.after);
    return message.after.includes(undefined)
      ? this.#updateInPart(route, before, after, ordinal, lsn)
      : this.#updateWhole(route, before, after, ordinal, lsn);
  }

  #updateWhole(
    route: Route,
    before: Row | null,
    after: Row,
    ordinal: number,
    lsn: bigint,
  ): Promise<void> | undefined {
    if (before !== null && !sameKey(route.captured.table, { ...after, ...before }, after))
      return this.#changeKey(route, before, after, ordinal, lsn);
    return this.#emit(route, 'u', before, after, ordinal, lsn);
  }

  /** The old and the new key may differ in partition, so the change leaves as a delete and an insert. */
  async #changeKey(route: Route, before: Row, after: Row, ordinal: number, lsn: bigint): Promise<void> {
    await this.#emit(route, 'd', { ...after, ...before }, null, ordinal - 1, lsn);
    await this.#emit(route, 'c', null, after, ordinal, lsn);
  }

  async #updateInPart(
    route: Route,
    before: Row | null,
    after: Row,
    ordinal: number,
    lsn: bigint,
  ): Promise<void> {
    const { captured } = route;
    const whole = await this.#context.wholeRow(captured, before, after, this.#current().xid);
    if (whole !== null) await this.#updateWhole(route, before, whole, ordinal, lsn);
    // The row is gone, but a row of the old key must go too.
    else if (before !== null && !sameKey(captured.table, { ...after, ...before }, after))
      await this.#emit(route, 'd', { ...after, ...before }, null, ordinal - 1, lsn);
  }

  async #truncate(oids: readonly number[], lsn: bigint): Promise<void> {
    const { truncate, window, log } = this.#context;
    for (const oid of oids) {
      const ordinal = this.#ordinal(1);
      const route = this.#routes.get(oid);
      if (route === undefined) continue;
      const name = qualifiedName(route.captured.table);
      if (route.historyFrom !== null && lsn < route.historyFrom) continue;
      if (truncate === 'stop') throw truncated(name);
      window.truncate(oid);
      if (truncate === 'ignore') {
        log.warn({ table: name }, 'TRUNCATE ignored, as source.truncate says: the stores keep the rows');
        continue;
      }
      await this.#emit(route, 't', null, null, ordinal, lsn);
      log.info({ table: name }, 'TRUNCATE passed on to every partition');
    }
  }

  #ownMessage(message: WalMessage, lsn: bigint): Promise<void> | undefined {
    const { window, pipeline } = this.#context;
    if (message.pipeline !== pipeline) return undefined;
    if (message.kind === 'heartbeat') window.forget(parseTransactionSnapshot(message.seen));
    else if (message.kind === 'anew') return this.#beginAnew(message.oid, lsn);
    else if (message.kind === 'open') window.openingWatermark(message.chunk, message.oid);
    else {
      const read = this.#context.chunk(message.chunk);
      if (read !== undefined) return this.#writeChunk(read, lsn);
      window.abandon();
    }
    return undefined;
  }

  /** The rows that the topic held before have other keys, or are another table's. */
  async #beginAnew(oid: number, lsn: bigint): Promise<void> {
    const ordinal = this.#ordinal(1);
    const route = await this.#context.anewRoute(oid);
    if (route !== null) await this.#emit(route, 't', null, null, ordinal, lsn);
  }

  async #writeChunk(read: ReadChunk, lsn: bigint): Promise<void> {
    const { window, writer, pipeline } = this.#context;
    const rows = window.closingWatermark(read.chunk);
    const route = await this.#context.chunkRoute(read);
    if (rows === null) {
      this.#context.chunkSettled(read, 'repeat');
      return;
    }
    const leaving = this.#context.chunkLeaves(read, route.topic.name);
    const note = { ...leaving.note, topic: stateTopic(pipeline) };
    for (const row of rows) {
      const full = this.#emit(route, 'r', null, row, this.#ordinal(1), lsn);
      if (full !== undefined) await full;
      leaving.reach();
      writer.note(note);
    }
    writer.whenSent(() => this.#context.chunkSettled(read, 'written'));
    writer.kick();
  }

  #emit(
    route: Route,
    op: Operation,
    before: Row | null,
    after: Row | null,
    ordinal: number,
    lsn: bigint,
  ): Promise<void> | undefined {
    const { window, pipeline, database } = this.#context;
    const { captured, output, recordLimit } = route;
    const transaction = this.#current();
    const snapshot = op === 'r';
    const event = makeEvent(captured, op, before, after, transaction.positionAt(ordinal), {
      name: pipeline,
      db: database,
      txId: snapshot ? null : transaction.xid,
      lsn,
      tsUs: transaction.tsUs,
      snapshot,
    });
    if (!snapshot && op !== 't') window.change(captured.oid, captured.table, event.key);
    const encoded = output.encode(event);
    if (encoded === null) return undefined;
    return mayBeTooLarge(encoded, recordLimit)
      ? this.#addLarge(route, event, encoded)
      : this.#add(route, event, encoded);
  }

  async #addLarge(route: Route, event: ChangeEvent, encoded: EncodedEvent): Promise<void> {
    const fitting = await this.#context.fitRow(route, event, encoded);
    if (fitting !== null) await this.#add(route, event, fitting);
  }

  #add(
    { captured, output, topic }: Route,
    event: ChangeEvent,
    encoded: EncodedEvent,
  ): Promise<void> | undefined {
    const { writer } = this.#context;
    const { op } = event;
    const frame = {
      position: event.position,
      // The record's time is the commit's, so that lag in seconds can be read off the topic itself.
      timestampMs: Math.floor(event.source.tsUs / 1000),
      headers: output.headers(event),
    };
    const label = this.#label(captured.table, op);
    return op === 't'
      ? writer.addToAll(topic, encoded, frame, label)
      : writer.add(topic, encoded, frame, label, op === 'd');
  }

  /** Takes the next ordinals of the transaction; returns the last of them. */
  #ordinal(count: number): number {
    const transaction = this.#current();
    transaction.ordinal += count;
    return transaction.ordinal;
  }

  #current(): Transaction {
    if (this.#transaction === null) throw new Error('a change came outside of a transaction');
    return this.#transaction;
  }
}

function truncated(table: string): TailraceError {
  return new TailraceError(
    'CAPTURE_TRUNCATE',
    `${table} was truncated, and source.truncate is stop`,
    'set source.truncate: apply to empty the stores too, or ignore to keep those rows in the stores; then start the producer again',
  );
}
