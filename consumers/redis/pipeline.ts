import type { Redis } from 'ioredis';
import { TailraceError, toError } from '../../core/errors.ts';
import type { Write, WriteOutcome } from '../sink.ts';
import { classify } from './errors.ts';
import { rowFields, rowKey, tombstoneKey, truncatedKey } from './mapping.ts';
import { DELETE, UPSERT } from './scripts.ts';

/**
 * One round trip for all these writes, one script each. Throws when the server refused any of them for a reason that
 * passes or that stops the sink; the others may have been applied.
 */
export async function runPipeline(
  redis: Redis,
  writes: readonly Write[],
  tombstoneTtlMs: number,
): Promise<WriteOutcome[]> {
  const calls = writes.map((write) => scriptCall(write, tombstoneTtlMs));
  const pipeline = redis.pipeline();
  // Loaded at the head of every pipeline: cheap, and right after any restart, failover or SCRIPT FLUSH.
  const scripts = [UPSERT, DELETE];
  for (const { lua } of scripts) pipeline.script('LOAD', lua);
  for (const call of calls)
    if (!(call instanceof Error)) pipeline.evalsha(call.sha, 3, ...call.keysAndArguments);

  const replies = (await pipeline.exec()) ?? [];
  for (const [error] of replies.slice(0, scripts.length)) if (error !== null) throw withoutRow(error);
  let next = scripts.length;
  return calls.map((call) =>
    call instanceof Error ? { result: 'rejected', error: call } : outcomeOf(replies[next++]),
  );
}

interface ScriptCall {
  readonly sha: string;
  readonly keysAndArguments: readonly string[];
}

/** An Error stands for a write that no server could take. */
function scriptCall(write: Write, tombstoneTtlMs: number): ScriptCall | Error {
  try {
    const { target, position } = write;
    const common = [rowKey(target, write), tombstoneKey(target, write), truncatedKey(target), position];
    return write.op === 'upsert'
      ? { sha: UPSERT.sha, keysAndArguments: [...common, ...rowFields(write)] }
      : { sha: DELETE.sha, keysAndArguments: [...common, String(tombstoneTtlMs)] };
  } catch (error) {
    return toError(error);
  }
}

function outcomeOf(reply: [error: Error | null, result: unknown] | undefined): WriteOutcome {
  if (reply === undefined) throw new Error('Connection is closed.');
  const [error, result] = reply;
  if (error === null) return { result: result === 1 ? 'applied' : 'stale' };
  const verdict = classify(error);
  if (verdict.outcome !== 'park') throw withoutRow(error);
  return {
    result: 'rejected',
    error: new TailraceError(verdict.code, `Redis refused the row: ${error.message}`, verdict.sentence),
  };
}

/** ioredis hangs the command with its arguments on an error, and Redis quotes those of an unknown command: the row, which no log may show. */
export function withoutRow(error: Error): Error {
  const message = error.message.replace(/, with args beginning with.*/s, '');
  return Object.assign(error, { message, command: undefined });
}
