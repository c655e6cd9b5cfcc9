import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { tableSchema, type TableSchema } from '../schemas/table-schema.ts';
import { checkedEvent } from './checked-event.ts';
import { TransformError } from './transform-error.ts';
import type { Transform } from './transform.ts';

/**
 * A user's own module; `path` starts from `folder`, the config's. What the module gives back is checked at every event,
 * since nothing else stands between it and the store. Throws TransformError.
 */
export async function loadUserTransform(path: string, folder: string): Promise<Transform> {
  const file = resolve(folder, path);
  if (!existsSync(file))
    throw new TransformError(
      path,
      null,
      `there is no file ${file}`,
      "correct the path; it starts from the config's folder",
    );
  return checkedTransform(path, file, usableExport(path, await importDefault(path, file)));
}

interface UserFunctions {
  readonly schema?: Transform['schema'] | undefined;
  readonly apply: Transform['apply'];
}

function checkedTransform(path: string, file: string, user: UserFunctions): Transform {
  return {
    schema: (table) => {
      if (user.schema === undefined) return table;
      try {
        return checkedSchema(user.schema(table), table);
      } catch (cause) {
        // A schema holds no rows, so unlike below the message is safe to show.
        const problem = `its schema() failed: ${cause instanceof Error ? cause.message : 'it threw no Error'}`;
        throw new TransformError(path, table, problem, `mend ${path}`, { cause });
      }
    },
    apply: (event, output) => {
      let result: unknown;
      try {
        result = user.apply(event, output);
      } catch (thrown) {
        // Neither message nor cause goes on: JavaScript's own errors quote values ("Cannot convert ... to a BigInt").
        const name = thrown instanceof Error ? thrown.name : 'something that is no Error';
        throw new TransformError(
          path,
          event.table,
          `it threw ${name}${placeOf(thrown, file)}`,
          `mend ${path}`,
        );
      }
      try {
        return checkedEvent(result, event, output);
      } catch (cause) {
        if (!(cause instanceof TypeError)) throw cause;
        throw new TransformError(path, event.table, cause.message, `mend ${path}`, { cause });
      }
    },
  };
}

async function importDefault(path: string, file: string): Promise<unknown> {
  try {
    const module = (await import(pathToFileURL(file).href)) as { default?: unknown };
    return module.default;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TransformError(path, null, `the module cannot be loaded: ${reason}`, `mend ${file}`, { cause });
  }
}

function usableExport(path: string, exported: unknown): UserFunctions {
  if (typeof exported === 'function') return { apply: exported as Transform['apply'] };
  if (exported !== null && typeof exported === 'object') {
    const { apply, schema } = exported as Record<string, unknown>;
    if (typeof apply === 'function' && (schema === undefined || typeof schema === 'function'))
      return exported as UserFunctions;
  }
  throw new TransformError(
    path,
    null,
    'its default export is neither a function nor an object with the functions apply and, if it has one, schema',
    'write: export default defineTransform((event) => event)',
  );
}

function checkedSchema(result: unknown, input: TableSchema): TableSchema {
  if (result === input) return input;
  const parsed = tableSchema.safeParse(result);
  if (!parsed.success) throw new TypeError(`it returned no table schema:\n${z.prettifyError(parsed.error)}`);
  const table = parsed.data;
  if (table.schema !== input.schema || table.name !== input.name)
    throw new TypeError('it changed the name of the table, from which topics and targets are named');
  const names = new Set(table.columns.map((column) => column.name));
  if (names.size !== table.columns.length) throw new TypeError('it returned two columns of one name');
  const used = [...table.key, ...table.foreignKeys.flatMap((foreignKey) => foreignKey.columns)];
  const missing = used.find((name) => !names.has(name));
  if (missing !== undefined)
    throw new TypeError(`its key or a foreign key uses the column "${missing}", which it no longer has`);
  return table;
}

/** ` at rank.ts:12:5`, from the stack's lines alone, because the message above them may quote values. */
function placeOf(thrown: unknown, file: string): string {
  const frames = thrown instanceof Error ? (thrown.stack?.split('\n    at ').slice(1) ?? []) : [];
  const name = basename(file);
  for (const frame of frames) {
    const [, place] = frame.split(`${name}:`);
    const digits = place === undefined ? null : /^\d+:\d+/.exec(place);
    if (digits !== null) return ` at ${name}:${digits[0]}`;
  }
  return '';
}
