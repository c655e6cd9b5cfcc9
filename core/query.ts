import type { Cell } from './cell.ts';
import { TailraceError, toError } from './errors.ts';

/** A question in the language of the database that it goes to. */
export interface Question {
  readonly text: string;
  /** Whether it may change anything; without it the database itself, or its own list of commands, holds it to reading. */
  readonly write: boolean;
  /** Rows beyond are left away. */
  readonly maxRows: number;
  /** The server gives up by itself after this time, where it knows such a limit. */
  readonly timeoutMs: number;
  /** Ends the wait; the running question is cancelled on the server where that can be done. */
  readonly signal: AbortSignal;
}

export interface Answer {
  /** Names in the order of the answer; a name may come twice. */
  readonly columns: readonly string[];
  /** Each as long as `columns`. */
  readonly rows: readonly (readonly Cell[])[];
  /** There are more rows than were asked for. */
  readonly truncated: boolean;
}

/** The rows of objects that need not have the same keys: a column for each key, in the order in which they are met. */
export function tableOf(objects: readonly ReadonlyMap<string, Cell>[], maxRows: number): Answer {
  const kept = objects.slice(0, maxRows);
  const columns = [...new Set(kept.flatMap((object) => [...object.keys()]))];
  return {
    columns,
    rows: kept.map((object) => columns.map((column) => object.get(column) ?? null)),
    truncated: objects.length > maxRows,
  };
}

/** The database's own words about a question that it does not take; they are for the person who asked, not for a log. */
export function queryFailed(database: string, thrown: unknown): TailraceError {
  const error = toError(thrown);
  return new TailraceError(
    'QUERY_FAILED',
    `${database}: ${error.message.trim()}`,
    'mend the question; `tailrace query --help` has one for each store',
    { cause: error },
  );
}

export function queryRefused(why: string): TailraceError {
  return new TailraceError(
    'QUERY_REFUSED',
    why,
    'ask for what only reads, or give --write where it is meant to change something',
  );
}
