import type { z } from 'zod';
import type { ChangeEvent } from '../schemas/change-event.ts';
import type { TableSchema } from '../schemas/table-schema.ts';

/**
 * A transform changes events on their way to a sink (or, at capture, to Kafka). It is pure: no I/O, no clock, the same
 * answer for the same event, so that a replay ends in the same state. It never changes an event in place.
 */
export interface Transform {
  /**
   * The schema of the table after this transform; the same object when nothing changes. Called once for each schema.
   * Throws when the options do not fit the table, naming column and table.
   */
  schema(table: TableSchema): TableSchema;
  /**
   * The event as it goes on, with `output` (what `schema` returned) as its table, or null when nothing goes on.
   * A row that stops passing a filter must go on as a delete, or the store would keep it.
   */
  apply(event: ChangeEvent, output: TableSchema): ChangeEvent | null;
}

/** What a file of this folder exports as `transform`: its options, strictly checked, and how it is made from them. */
export interface TransformModule<Options = unknown> {
  readonly options: z.ZodType<Options>;
  create(options: Options): Transform;
}

/** What a user's own module exports by default: a function, or an object where the schema changes too. */
export type UserTransform =
  | ((event: ChangeEvent) => ChangeEvent | null)
  | { readonly schema?: Transform['schema']; readonly apply: Transform['apply'] };

/** Types a user's own transform: `export default defineTransform((event) => ...)`. */
export function defineTransform(transform: UserTransform): UserTransform {
  return transform;
}
