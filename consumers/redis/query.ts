import type { Redis } from 'ioredis';
import { bytesText, documentCell, listCell, type Cell } from '../../core/cell.ts';
import { cellOfNumber } from '../../core/exact-json.ts';
import { createLogger } from '../../core/logger.ts';
import { queryFailed, queryRefused, type Answer, type Question } from '../../core/query.ts';
import { wordsOf } from './command-line.ts';
import type { RedisOptions } from './config.ts';
import { openConnection } from './connection.ts';
import { classify } from './errors.ts';

/** Commands that touch no key, which Redis does not flag as reading. */
const HARMLESS = ['ping', 'echo', 'info', 'time', 'lastsave', 'command'];
/** Commands that begin a stream of messages, or a state of the connection, instead of an answer. */
const WITHOUT_ANSWER = /^(p|s)?(un)?subscribe$|^(monitor|sync|psync|multi|hello|reset|quit)$/;

/**
 * Runs one command, written as for redis-cli; without `write` only those that Redis itself flags as reading. In a cluster it
 * goes to the server that has the key.
 */
export async function query(options: RedisOptions, question: Question): Promise<Answer> {
  const words = wordsOf(question.text);
  if (words === null || words.length === 0)
    throw queryFailed('Redis', new Error('expected a command, with every quote closed'));
  try {
    return await askAt(null, options, words, question).catch((error: unknown) => {
      const owner = movedTo(error);
      if (owner === null) throw error;
      return askAt(owner, options, words, question);
    });
  } catch (error) {
    throw told(error);
  }
}

/** On a connection of its own to the server of the url, or to another one of its cluster. */
async function askAt(
  at: { readonly host: string; readonly port: number } | null,
  options: RedisOptions,
  [name = Buffer.of(), ...rest]: readonly Buffer[],
  { signal, write, maxRows }: Question,
): Promise<Answer> {
  const first = await openConnection(options, createLogger({ command: 'query' }), at);
  // Maps and pairs come as such only this way; numbers come as their digits, since the client's own parser rounds them.
  const redis = first.duplicate({ replyMapping: 'resp3', stringNumbers: true });
  const drop = () => {
    first.disconnect();
    redis.disconnect();
  };
  redis.on('error', () => undefined);
  signal.addEventListener('abort', drop, { once: true });
  try {
    signal.throwIfAborted();
    await redis.connect();
    await assertAllowed(redis, [name, ...rest].map(String), write);
    const reply: unknown = await redis.callBuffer(String(name), ...rest);
    return answerOf(reply, String(name).toLowerCase(), maxRows);
  } finally {
    signal.removeEventListener('abort', drop);
    drop();
  }
}

/** The owner of the key, as a server of a cluster names it that is not. */
function movedTo(error: unknown): { host: string; port: number } | null {
  const message = error instanceof Error ? error.message : '';
  const [, host, port] = /^MOVED \d+ (\S+):(\d+)$/.exec(message) ?? [];
  return host === undefined ? null : { host, port: Number(port) };
}

/** Errors of connection and login stay as they are. */
function told(error: unknown): unknown {
  const isReply = error instanceof Error && error.name === 'ReplyError';
  return isReply && classify(error).code !== 'SINK_AUTH_FAILED' ? queryFailed('Redis', error) : error;
}

/** Throws QUERY_REFUSED. A command of two words, as MEMORY USAGE, has flags of its own. */
async function assertAllowed(
  redis: Redis,
  [word = '', second = '']: string[],
  write: boolean,
): Promise<void> {
  const name = word.toLowerCase();
  if (WITHOUT_ANSWER.test(name))
    throw queryFailed('Redis', new Error(`the command ${name} has no answer of its own to show`));
  if (write || HARMLESS.includes(name)) return;
  const known = (await redis.call('COMMAND', 'INFO', name, `${name}|${second}`)) as (
    [name: string, arity: string, flags: string[]] | null
  )[];
  // A command that Redis does not know is told by Redis itself.
  const [, , flags] = known[1] ?? known[0] ?? [];
  if (flags !== undefined && !flags.includes('readonly'))
    throw queryRefused(`Redis does not flag the command ${name} as reading`);
}

function answerOf(reply: unknown, name: string, maxRows: number): Answer {
  const [columns, rows] = rowsOf(reply, name);
  return { columns, rows: rows.slice(0, maxRows), truncated: rows.length > maxRows };
}

/** A map is a row for each field, a list a row for each entry; lists of pairs (scores) are two columns. */
function rowsOf(reply: unknown, name: string): [columns: string[], rows: Cell[][]] {
  if (Array.isArray(reply)) {
    if (reply.length > 0 && reply.every(isPair))
      return [['value', 'score'], reply.map((pair: unknown[]) => pair.map(cellOf))];
    return [['value'], reply.map((entry) => [cellOf(entry)])];
  }
  if (isMap(reply))
    return [['field', 'value'], Object.entries(reply).map(([field, value]) => [field, cellOf(value)])];
  const cell = cellOf(reply);
  if (name === 'info' && typeof cell === 'string')
    return [
      ['line'],
      cell
        .split(/\r?\n/)
        .filter((line) => line !== '')
        .map((line) => [line]),
    ];
  return [['value'], [[cell]]];
}

/** As ZRANGE WITHSCORES answers. */
function isPair(entry: unknown): entry is [Buffer, string] {
  return (
    Array.isArray(entry) && entry.length === 2 && Buffer.isBuffer(entry[0]) && typeof entry[1] === 'string'
  );
}

function isMap(reply: unknown): reply is Record<string, unknown> {
  return typeof reply === 'object' && reply !== null && !Buffer.isBuffer(reply) && !(reply instanceof Error);
}

function cellOf(value: unknown): Cell {
  if (value === undefined || value === null) return null;
  if (Buffer.isBuffer(value)) return textOf(value);
  if (Array.isArray(value)) return listCell(value.map(cellOf));
  if (isMap(value)) return documentCell(Object.entries(value).map(([field, one]) => [field, cellOf(one)]));
  // A number; infinities and NaN have no digits.
  if (typeof value === 'string') return /\d/.test(value) ? cellOfNumber(value) : value;
  if (value instanceof Error) return value.message;
  return typeof value === 'boolean' ? value : null;
}

/** Text where the bytes are UTF-8. */
function textOf(bytes: Buffer): string {
  const text = bytes.toString();
  return Buffer.from(text).equals(bytes) ? text : bytesText(bytes);
}
