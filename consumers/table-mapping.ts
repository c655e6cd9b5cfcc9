import { withCode } from '../core/errors.ts';
import type { MappingConfig, SinkConfig } from '../core/config/schema.ts';
import type { ChangeEvent } from '../schemas/change-event.ts';
import { matchesTable } from '../schemas/table-pattern.ts';
import type { TableSchema } from '../schemas/table-schema.ts';
import { bindTransforms } from '../transforms/chain.ts';
import { loadTransforms } from '../transforms/load.ts';
import type { Transform } from '../transforms/transform.ts';
import { addConstants } from './add-constants.ts';
import { changeKey } from './change-key.ts';
import { selectColumns } from './select-columns.ts';
import type { Target } from './sink.ts';
import { tableName } from './target-name.ts';

/** How the events of one schema of a table become those of its target. */
export interface MappedTable {
  readonly target: Target;
  /** None when the event is filtered out, two where the row moves to another key. Throws what transforms throw. */
  readonly apply: (event: ChangeEvent) => readonly ChangeEvent[];
}

/** How a sink maps tables: the transforms, columns, constants, key and name that its config asks for. */
export interface TableMapping {
  /**
   * Throws TransformError where the config does not fit the table. One as it was before need not have everything that the
   * present one must have: then each of its rows is looked at.
   */
  bind(table: TableSchema, options?: { readonly isPresent: boolean }): MappedTable;
}

/** The entries of `mapping` that are for the table as one: later ones win. */
export function mappingOf(
  mapping: SinkConfig['mapping'],
  table: { readonly schema: string; readonly name: string },
): MappingConfig {
  const entries = Object.entries(mapping).filter(([pattern]) => matchesTable([pattern], table));
  return Object.assign({}, ...entries.map(([, entry]) => entry)) as MappingConfig;
}

/** Loads the transforms of a sink and of its tables; `folder` is the config's. Throws CONFIG_INVALID. */
export async function loadMapping(
  name: string,
  { transforms, mapping }: Pick<SinkConfig, 'transforms' | 'mapping'>,
  folder: string,
): Promise<TableMapping> {
  const load = async (entries: SinkConfig['transforms'], place: string): Promise<Transform[]> =>
    loadTransforms(entries, folder).catch((error: unknown) => {
      throw withCode('CONFIG_INVALID', error, `mend ${place} in the config`);
    });
  const ofSink = await load(transforms, `sinks.${name}.transforms`);
  const ofTable = new Map<unknown, Transform[]>();
  for (const [pattern, entry] of Object.entries(mapping)) {
    if (entry.transforms === undefined) continue;
    ofTable.set(
      entry.transforms,
      await load(entry.transforms, `sinks.${name}.mapping.${pattern}.transforms`),
    );
  }
  return {
    bind(table, { isPresent } = { isPresent: true }) {
      const entry = mappingOf(mapping, table);
      const chain = [
        ...ofSink,
        ...(ofTable.get(entry.transforms) ?? []),
        ...(entry.columns === undefined ? [] : [selectColumns(entry.columns)]),
        ...(entry.constants === undefined ? [] : [addConstants(entry.constants, isPresent)]),
      ];
      const bound = bindTransforms(chain, table);
      const keyed = entry.key === undefined ? null : changeKey(entry.key, bound.table, isPresent);
      return {
        target: { name: entry.name ?? tableName(bound.table), table: keyed?.table ?? bound.table },
        apply: (event) => {
          // A truncate has no row to transform.
          const transformed = event.op === 't' ? event : bound.apply(event);
          if (transformed === null) return [];
          return keyed === null ? [transformed] : keyed.apply(transformed, event);
        },
      };
    },
  };
}
