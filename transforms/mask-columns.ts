import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { valueText } from '../schemas/key-text.ts';
import { tablePattern } from '../schemas/table-pattern.ts';
import type { Column, TableSchema } from '../schemas/table-schema.ts';
import type { Row, Value } from '../schemas/value.ts';
import { perTable } from './per-table.ts';
import { strictOptions } from './strict-options.ts';
import { columnsOf } from './table-columns.ts';
import { TransformError } from './transform-error.ts';
import type { TransformModule } from './transform.ts';

const MIN_SALT_CHARACTERS = 16;

const options = strictOptions({
  tables: z.array(tablePattern).min(1).optional(),
  columns: z.array(z.string().min(1)).min(1),
  // YAML reads a bare `null` as null, not as a text.
  with: z.preprocess(
    (value) => (value === null ? 'null' : value),
    z.enum(['partial', 'redact', 'hash', 'null']),
  ),
  salt: z.string().min(MIN_SALT_CHARACTERS, `expected at least ${MIN_SALT_CHARACTERS} characters`).optional(),
})
  .refine((given) => given.with !== 'hash' || given.salt !== undefined, {
    path: ['salt'],
    message:
      'hash needs a salt, such as salt: ${MASK_SALT}; without one, values are found by trying them out',
  })
  .refine((given) => given.with === 'hash' || given.salt === undefined, {
    path: ['salt'],
    message: 'only hash takes a salt',
  });

type Options = z.output<typeof options>;

/** Replaces the values of columns, in keys too, so that the originals go no further. Null stays null. */
export const transform: TransformModule<Options> = {
  options,
  create: (given) => {
    const mask = maskOf(given);
    return perTable((table) => {
      const names = columnsOf('maskColumns', given.tables, table, given.columns);
      if (names.length === 0) return null;
      refuseBrokenKeys(table, names, given.with);
      const output = maskedTable(table, names, given.with);
      return {
        table: output,
        apply: (event) => ({
          ...event,
          table: output,
          key: maskedRow(event.key, names, mask),
          before: event.before === null ? null : maskedRow(event.before, names, mask),
          after: event.after === null ? null : maskedRow(event.after, names, mask),
        }),
      };
    });
  },
};

type Mask = (value: Exclude<Value, null>) => Value;

function maskOf({ with: kind, salt }: Options): Mask {
  switch (kind) {
    case 'partial':
      return (value) => partialMask(valueText(value));
    case 'redact':
      return () => '***';
    case 'hash':
      // Neither table nor column enters the hash, so that a foreign key still equals the key it refers to.
      return (value) =>
        createHmac('sha256', salt ?? '')
          .update(valueText(value))
          .digest('hex');
    case 'null':
      return () => null;
  }
}

const EMAIL_PATTERN = /^[^@\s]+@[^@\s]+$/u;
const SHOWN_CHARACTERS = 4;

/**
 * `ada@example.org` becomes `a***@example.org` (`***@example.org` when the part before the `@` is one character); other
 * text of 8 characters or more becomes `***` and its last 4; shorter text becomes `***`. Half of it at most is shown.
 */
export function partialMask(text: string): string {
  const at = text.indexOf('@');
  // Characters are code points: half of a surrogate pair would be no valid text.
  if (EMAIL_PATTERN.test(text)) {
    const [first = '', ...rest] = Array.from(text.slice(0, at));
    return `${rest.length === 0 ? '' : first}***${text.slice(at)}`;
  }
  const characters = Array.from(text);
  return characters.length < 2 * SHOWN_CHARACTERS
    ? '***'
    : `***${characters.slice(-SHOWN_CHARACTERS).join('')}`;
}

/** Two rows must not get one key, and a reference must still find its row or be null. */
function refuseBrokenKeys(table: TableSchema, names: readonly string[], kind: Options['with']): void {
  if (kind === 'hash') return;
  const key = names.find((name) => table.key.includes(name));
  if (key !== undefined)
    throw new TransformError(
      'maskColumns',
      table,
      `column "${key}" belongs to the primary key, which ${kind} would make ambiguous`,
      'mask it with hash, and in the same way the columns that refer to it',
    );
  const references = table.foreignKeys.flatMap((foreignKey) => foreignKey.columns);
  const reference = names.find((name) => references.includes(name));
  if (kind !== 'null' && reference !== undefined)
    throw new TransformError(
      'maskColumns',
      table,
      `column "${reference}" refers to another table, and ${kind} would make it refer to nothing`,
      'mask it with hash, in the same way as the column that it refers to, or with null',
    );
}

function maskedTable(table: TableSchema, names: readonly string[], kind: Options['with']): TableSchema {
  const maskedColumn = (column: Column): Column =>
    kind === 'null'
      ? { ...column, nullable: true }
      : { name: column.name, type: 'text', kind: 'text', nullable: column.nullable };
  return {
    ...table,
    columns: table.columns.map((column) => (names.includes(column.name) ? maskedColumn(column) : column)),
  };
}

/** A column that the row does not have stays absent. */
function maskedRow(row: Row, names: readonly string[], mask: Mask): Row {
  const masked: Record<string, Value> = { ...row };
  for (const name of names) {
    const value = row[name];
    if (value !== undefined && value !== null) masked[name] = mask(value);
  }
  return masked;
}
