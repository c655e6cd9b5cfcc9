import type { MappingConfig } from '../core/config/schema.ts';
import type { Column } from '../schemas/table-schema.ts';
import type { Value } from '../schemas/value.ts';
import { TransformError } from '../transforms/transform-error.ts';
import type { Transform } from '../transforms/transform.ts';

/**
 * Columns that have the same value in every row: a text, a boolean, a whole number (bigint) or another (double precision). The
 * present table must have none of their names; a column that it had once gives way.
 */
export function addConstants(
  constants: NonNullable<MappingConfig['constants']>,
  isPresent: boolean,
): Transform {
  const columns = Object.entries(constants).map(([name, value]) => constantColumn(name, value));
  const values = Object.fromEntries(Object.entries(constants).map(([name, value]) => [name, valueOf(value)]));
  return {
    schema: (table) => {
      const isConstant = ({ name }: Column) => Object.hasOwn(constants, name);
      const twice = table.columns.find(isConstant);
      if (twice !== undefined && isPresent)
        throw new TransformError(
          'constants',
          table,
          `the table has a column "${twice.name}" of its own`,
          'give the constant another name, or rename the column with the transform renameColumns',
        );
      return { ...table, columns: [...table.columns.filter((column) => !isConstant(column)), ...columns] };
    },
    apply: (event, table) => ({
      ...event,
      table,
      after: event.after === null ? null : { ...event.after, ...values },
    }),
  };
}

type Constant = string | number | boolean;

function constantColumn(name: string, value: Constant): Column {
  const column = (type: string, kind: Column['kind']): Column => ({ name, type, kind, nullable: false });
  if (typeof value === 'string') return column('text', 'text');
  if (typeof value === 'boolean') return column('boolean', 'boolean');
  return Number.isSafeInteger(value) ? column('bigint', 'int8') : column('double precision', 'float8');
}

function valueOf(value: Constant): Value {
  return Number.isSafeInteger(value) ? BigInt(value) : value;
}
