import { toError } from '../../core/errors.ts';
import type { Write, WriteOutcome } from '../sink.ts';
import type { Layout } from './layout.ts';
import { memberOf } from './mapping.ts';
import { DELETE, UPSERT, type Script } from './scripts.ts';

/** Rows in one script: more gives no more speed, and the server answers nobody else in between. */
const CALL_ROWS = 100;
/** Characters in one script, roughly: so few large rows are many scripts. */
const CALL_CHARACTERS = 1_000_000;

/** One call of a script, for rows of one schema of one table. */
export interface ScriptCall {
  readonly layout: Layout;
  readonly script: Script;
  readonly keys: string[];
  readonly arguments: string[];
  /** Places of its writes among all. */
  readonly places: number[];
  characters: number;
}

/**
 * The calls for these writes, deletes first. A write that no server could take gets its outcome here. Throws what `layoutFor`
 * does, which is about the whole table.
 */
export function* scriptCalls(
  writes: readonly Write[],
  layoutFor: (write: Write) => Layout,
  outcomes: WriteOutcome[],
): Generator<ScriptCall> {
  for (const [op, script] of [
    ['delete', DELETE],
    ['upsert', UPSERT],
  ] as const) {
    const open = new Map<Layout, ScriptCall>();
    for (const [place, write] of writes.entries()) {
      if (write.op !== op) continue;
      const layout = layoutFor(write);
      const row = rowOf(write, layout);
      if (row instanceof Error) {
        outcomes[place] = { result: 'rejected', error: row };
        continue;
      }
      const call = open.get(layout) ?? newCall(layout, script);
      open.set(layout, call);
      call.places.push(place);
      call.keys.push(row.key, layout.names.tombstone + row.key);
      for (const argument of row.arguments) {
        call.arguments.push(argument);
        call.characters += argument.length;
      }
      if (call.places.length === CALL_ROWS || call.characters > CALL_CHARACTERS) {
        open.delete(layout);
        yield call;
      }
    }
    yield* open.values();
  }
}

function newCall(layout: Layout, script: Script): ScriptCall {
  return {
    layout,
    script,
    keys: [layout.names.truncated],
    arguments: [layout.header],
    places: [],
    characters: 0,
  };
}

function rowOf(write: Write, layout: Layout): { key: string; arguments: readonly string[] } | Error {
  try {
    const key = layout.names.row + memberOf(write.target, write.key);
    return { key, arguments: write.op === 'upsert' ? layout.rowArguments(write) : [write.position] };
  } catch (error) {
    return toError(error);
  }
}
