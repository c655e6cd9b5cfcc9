import type { EventSource } from './change-event.ts';
import { sourceOf } from './envelope.ts';
import { parseExact } from './exact-json.ts';

/** An envelope whose rows are as JSON.parse gives them. */
export interface ParsedEnvelope {
  readonly before: unknown;
  readonly after: unknown;
  readonly rest: Tail;
}

/** What stands behind the rows of an envelope. */
interface Tail {
  readonly source: EventSource | null;
  /** As it was written. */
  readonly op: unknown;
  readonly tsMs: number;
}

/** The texts that the tails of one transaction's events have in common, in their order, around what differs. */
interface Shared {
  /** Up to the change's LSN in `sequence`. */
  readonly start: string;
  /** Up to `lsn`. */
  readonly middle: string;
  /** Up to `ordinal`. */
  readonly end: string;
  /** LSN and source of the first. */
  readonly lsn: string;
  readonly source: EventSource;
}

/** Of nearly every envelope that has a new row. */
const ROW_START = '{"before":null,"after":';
/** Rows are flat, and the quotes within their texts are escaped: it stands only where it means itself. */
const SOURCE_START = ',"source":{';
const OP_START = '},"transaction":null,"op":"';
const TIME_START = '","ts_ms":';
const TAIL =
  /^(,"source":\{"version":.*?"sequence":"\[\\"\d+\\",\\")(\d+)(\\"\]",.*?"lsn":)\2(,"commit_lsn":\d+,"ordinal":)\d+\},"transaction":null,"op":"/s;

/**
 * Reads envelopes of one table. The source block is most of a small record, and but for two numbers the same for all events of
 * a transaction: it is parsed for the first of them, and compared for the others. What is written in any other way than by
 * `json-writer.ts` is parsed whole.
 */
export function envelopeParser(): (envelope: string) => ParsedEnvelope {
  let shared: Shared | null = null;
  return (envelope) => {
    const at = envelope.indexOf(SOURCE_START);
    if (at !== -1) {
      const rest = shared === null ? null : readShared(envelope, at, shared);
      if (rest !== null) return { ...parseRows(envelope, at), rest };
    }
    const fields = parseExact(envelope) as Record<string, unknown>;
    const source = sourceOf((fields['source'] ?? {}) as Record<string, unknown>);
    if (at !== -1 && source !== null) shared = sharedOf(envelope.slice(at), source) ?? shared;
    const { before, after, op, ts_ms: tsMs } = fields;
    return { before, after, rest: { source, op, tsMs: Number(tsMs) } };
  };
}

/** The rows in front of that place. */
function parseRows(envelope: string, place: number): Pick<ParsedEnvelope, 'before' | 'after'> {
  if (envelope.startsWith(ROW_START))
    return { before: null, after: parseExact(envelope.slice(ROW_START.length, place)) };
  const { before, after } = parseExact(`${envelope.slice(0, place)}}`) as Record<string, unknown>;
  return { before, after };
}

function sharedOf(tail: string, source: EventSource): Shared | null {
  const [, start, lsn, middle, end] = TAIL.exec(tail) ?? [];
  if (start === undefined || lsn === undefined || middle === undefined || end === undefined) return null;
  return { start, middle, end, lsn, source };
}

/** The tail at that place; null when it does not have the shared texts. */
function readShared(
  envelope: string,
  place: number,
  { start, middle, end, source, lsn: lsnText }: Shared,
): Tail | null {
  // Comparing slices is several times as fast as startsWith.
  const has = (text: string, at: number) => envelope.slice(at, at + text.length) === text;
  if (!has(start, place)) return null;
  let at = place + start.length;
  const lsn = envelope.slice(at, envelope.indexOf('\\', at));
  at += lsn.length;
  if (!has(middle, at)) return null;
  at += middle.length;
  if (!has(lsn, at)) return null;
  at += lsn.length;
  if (!has(end, at)) return null;
  at = envelope.indexOf('}', at + end.length);
  if (!has(OP_START, at)) return null;
  at += OP_START.length;
  const op = envelope.charAt(at);
  if (!has(TIME_START, at + 1)) return null;
  const tsMs = Number(envelope.slice(at + 1 + TIME_START.length, -1));
  if (Number.isNaN(tsMs) || !envelope.endsWith('}')) return null;
  // The rows of a snapshot's chunk even have one LSN.
  if (lsn === lsnText) return { source, op, tsMs };
  const { name, db, txId, tsUs, snapshot } = source;
  return { source: { name, db, txId, lsn: BigInt(lsn), tsUs, snapshot }, op, tsMs };
}
