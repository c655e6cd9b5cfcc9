import { z } from 'zod';
import type { ChangeEvent } from '../schemas/change-event.ts';
import { tablePattern } from '../schemas/table-pattern.ts';
import type { Column, TableSchema } from '../schemas/table-schema.ts';
import type { Row } from '../schemas/value.ts';
import { asDelete } from './as-delete.ts';
import { compileCondition, conditionSchema, type Condition } from './filter-condition.ts';
import { perTable } from './per-table.ts';
import { strictOptions } from './strict-options.ts';
import { coversTable, requireColumn } from './table-columns.ts';
import { TransformError } from './transform-error.ts';
import type { TransformModule } from './transform.ts';

const options = strictOptions({
  tables: z.array(tablePattern).min(1).optional(),
  /** One condition, or several that must all hold. */
  where: z.preprocess(
    (where) => (Array.isArray(where) || where === undefined ? where : [where]),
    z.array(conditionSchema).min(1),
  ),
});

/** Lets only the rows through that fulfil the conditions; a row that stops to fulfil them goes on as a delete. */
export const transform: TransformModule<z.output<typeof options>> = {
  options,
  create: ({ tables, where }) =>
    perTable((table) => {
      if (!coversTable(tables, table)) return null;
      const conditions = where.map((condition) =>
        fitted(condition, table, requireColumn('filterRows', table, condition.column)),
      );
      const passes = (row: Row) => conditions.every((holds) => holds(row));
      return { table, apply: (event) => filtered(event, passes) };
    }),
};

function filtered(original: ChangeEvent, passes: (row: Row) => boolean): ChangeEvent | null {
  const event = withoutHiddenBefore(original, passes);
  if (event.after === null || passes(event.after)) return event;
  return event.op === 'u' ? asDelete(event) : null;
}

/** The old row may be one that must not get through, so then only its key stays (which no update changes). */
function withoutHiddenBefore(event: ChangeEvent, passes: (row: Row) => boolean): ChangeEvent {
  return event.before === null || passes(event.before) ? event : { ...event, before: event.key };
}

function fitted(condition: Condition, table: TableSchema, column: Column): (row: Row) => boolean {
  try {
    return compileCondition(condition, column);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new TransformError('filterRows', table, cause.message, 'change the condition in `where`', {
      cause,
    });
  }
}
