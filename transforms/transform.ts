import type { z } from 'zod';
import type { ChangeEvent } from '../schemas/change-event.ts';
import { qualifiedName, type TableSchema } from '../schemas/table-schema.ts';
import type { Row } from '../schemas/value.ts';

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

/** Every function has an `apply`, which must not pass for a transform's; but it has a `call` too. */
interface NoFunction {
  readonly call?: never;
}

/** What a user's own module exports by default: a function, or an object where the schema changes too. */
export type UserTransform =
  | ((event: ChangeEvent) => ChangeEvent | null)
  | (NoFunction & { readonly schema?: Transform['schema']; readonly apply: Transform['apply'] });

/** A table as `tailrace types` writes it: `Tables['public.orders']`. */
export interface TypedTable {
  /** `schema.table`. */
  readonly name: string;
  readonly key: Row;
  readonly row: Row;
}

/** An event of one table, with that table's columns. As in every event, `before` may lack columns. */
export interface TypedEvent<Table extends Omit<TypedTable, 'name'>> extends Omit<
  ChangeEvent,
  'key' | 'before' | 'after'
> {
  readonly key: Table['key'];
  readonly before: Partial<Table['row']> | null;
  readonly after: Table['row'] | null;
}

type TypedApply<Table extends TypedTable, Output extends Omit<TypedTable, 'name'>> = (
  event: TypedEvent<Table>,
  output: TableSchema,
) => TypedEvent<Output> | null;

/** A transform of one table; with `schema` where the rows that come out have other columns. */
export type TypedTransform<Table extends TypedTable, Output extends Omit<TypedTable, 'name'>> =
  | TypedApply<Table, Output>
  | (NoFunction & { readonly schema?: Transform['schema']; readonly apply: TypedApply<Table, Output> });

/** Types a user's own transform: `export default defineTransform((event) => ...)`. */
export function defineTransform(transform: UserTransform): UserTransform;
/**
 * A transform of one table, checked by the compiler against its columns; other tables' events go on unchanged:
 * `export default defineTransform<Tables['public.orders']>('public.orders', (event) => ...)`. `Output` are the key and the
 * row that come out, where they differ.
 */
export function defineTransform<Table extends TypedTable, Output extends Omit<TypedTable, 'name'> = Table>(
  table: Table['name'],
  transform: TypedTransform<Table, Output>,
): UserTransform;
export function defineTransform(
  first: UserTransform | string,
  second?: TypedTransform<TypedTable, TypedTable>,
): UserTransform {
  if (typeof first !== 'string') return first;
  if (second === undefined) throw new TypeError(`defineTransform('${first}') lacks the transform itself`);
  const { schema, apply } = typeof second === 'function' ? { schema: undefined, apply: second } : second;
  const isMeant = (table: TableSchema): boolean => qualifiedName(table) === first;
  const ofTable: Pick<Transform, 'apply'> & Partial<Pick<Transform, 'schema'>> = {
    ...(schema === undefined ? {} : { schema: (table) => (isMeant(table) ? schema(table) : table) }),
    // The compiler has checked what comes back against the table's own types.
    apply: (event, output) => (isMeant(event.table) ? (apply(event, output) as ChangeEvent | null) : event),
  };
  return ofTable;
}
