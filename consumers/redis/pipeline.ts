import type { Redis } from 'ioredis';
import { TailraceError } from '../../core/errors.ts';
import type { Write, WriteOutcome } from '../sink.ts';
import { scriptCalls, type ScriptCall } from './calls.ts';
import type { Layout } from './layout.ts';
import { RESULT } from './scripts.ts';
import type { Servers } from './servers.ts';

/** Bounds of one pipeline. */
const PIPELINE_ROWS = 500;
const PIPELINE_CHARACTERS = 4_000_000;
/** Pipelines on their way: while the server runs one, the next is made. */
const PIPELINES_IN_FLIGHT = 2;

/**
 * Writes all. Throws when a server refused a call for a reason that passes or that stops the sink; other calls may have been
 * applied. Deletes go first, since Redis takes these at maxmemory too.
 */
export async function runWrites(
  servers: Servers,
  writes: readonly Write[],
  layoutFor: (write: Write) => Layout,
): Promise<WriteOutcome[]> {
  const outcomes: WriteOutcome[] = [];
  const inFlight: Promise<void>[] = [];
  const take = (call: ScriptCall, results: unknown): void => {
    for (const [row, place] of call.places.entries())
      outcomes[place] = outcomeOf(Array.isArray(results) ? results[row] : undefined);
  };
  try {
    for (const calls of pipelines(scriptCalls(writes, layoutFor, outcomes))) {
      if (inFlight.length >= PIPELINES_IN_FLIGHT) await inFlight.shift();
      for (const [redis, own] of await byServer(servers, calls)) {
        const sent = runCalls(redis, own, take);
        // It is awaited below, perhaps only after another one has failed.
        sent.catch(() => undefined);
        inFlight.push(sent);
      }
    }
  } finally {
    // Nothing of a failed write may still be under way when the runtime sends it again.
    await Promise.allSettled(inFlight);
  }
  await Promise.all(inFlight);
  return outcomes;
}

function* pipelines(calls: Iterable<ScriptCall>): Generator<ScriptCall[]> {
  let some: ScriptCall[] = [];
  let rows = 0;
  let characters = 0;
  for (const call of calls) {
    some.push(call);
    rows += call.places.length;
    characters += call.characters;
    if (rows >= PIPELINE_ROWS || characters >= PIPELINE_CHARACTERS) {
      yield some;
      [some, rows, characters] = [[], 0, 0];
    }
  }
  if (some.length > 0) yield some;
}

async function byServer(servers: Servers, calls: readonly ScriptCall[]): Promise<Map<Redis, ScriptCall[]>> {
  const own = new Map<Redis, ScriptCall[]>();
  for (const call of calls) {
    const redis = await servers.of(call.layout.names);
    const known = own.get(redis);
    if (known === undefined) own.set(redis, [call]);
    else known.push(call);
  }
  return own;
}

/** One round trip. Loads the scripts at its head: cheap, and right after any restart, failover or SCRIPT FLUSH. */
async function runCalls(
  redis: Redis,
  calls: readonly ScriptCall[],
  take: (call: ScriptCall, results: unknown) => void,
): Promise<void> {
  const pipeline = redis.pipeline();
  const scripts = new Set(calls.map(({ script }) => script));
  for (const { lua } of scripts) pipeline.script('LOAD', lua);
  for (const { script, keys, arguments: rest } of calls)
    pipeline.evalsha(script.sha, keys.length, ...keys, ...rest);
  const replies = (await pipeline.exec()) ?? [];
  if (replies.length < scripts.size + calls.length) throw new Error('Connection is closed.');
  for (const [error] of replies) if (error !== null) throw withoutRow(error);
  for (const [place, call] of calls.entries()) take(call, replies[scripts.size + place]?.[1]);
}

function outcomeOf(result: unknown): WriteOutcome {
  switch (result) {
    case RESULT.applied:
      return { result: 'applied' };
    case RESULT.stale:
      return { result: 'stale' };
    case RESULT.foreignRow:
      return rejected('the key of the row', 'Delete that key, give the target another name (mapping)');
    case RESULT.foreignSet:
      return rejected(
        'the key of a set or sorted set of the row',
        'Delete that key, rename the set (mapping)',
      );
    default:
      throw new Error('Redis answered no result for a row');
  }
}

function rejected(place: string, fix: string): WriteOutcome {
  const what = `Redis has a value that is not Tailrace's under ${place}, and it stays as it is.`;
  return {
    result: 'rejected',
    error: new TailraceError('SINK_EVENT_REJECTED', what, `${fix} or leave the table out of this sink.`),
  };
}

/** ioredis hangs the command with its arguments on an error, and Redis quotes those of an unknown command: the row, which no log may show. */
export function withoutRow(error: Error): Error {
  const message = error.message.replace(/, with args beginning with.*/s, '');
  return Object.assign(error, { message, command: undefined });
}
