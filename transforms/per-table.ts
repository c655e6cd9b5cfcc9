import type { ChangeEvent } from '../schemas/change-event.ts';
import type { TableSchema } from '../schemas/table-schema.ts';
import type { Transform } from './transform.ts';

/** A transform, or a chain of them, made ready for one table: all that depends on the schema is done. */
export interface BoundTransform {
  /** The schema of the events that come out. */
  readonly table: TableSchema;
  apply(event: ChangeEvent): ChangeEvent | null;
}

/**
 * A transform from a function that makes it ready for one table; null means that the table's events go on unchanged.
 * `apply` throws on a schema that was never asked for: to let an event pass unmasked would be worse.
 */
export function perTable(bind: (table: TableSchema) => BoundTransform | null): Transform {
  const boundTransforms = new WeakMap<TableSchema, BoundTransform>();
  return {
    schema(table) {
      const bound = bind(table) ?? { table, apply: (event) => event };
      boundTransforms.set(bound.table, bound);
      return bound.table;
    },
    apply(event, output) {
      const bound = boundTransforms.get(output);
      if (bound === undefined) throw new TypeError('schema() must have returned the output given to apply()');
      return bound.apply(event);
    },
  };
}
