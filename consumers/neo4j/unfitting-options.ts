import { TailraceError } from '../../core/errors.ts';
import { qualifiedName } from '../../schemas/table-schema.ts';
import type { Target } from '../sink.ts';
import type { Neo4jTableOptions } from './config.ts';
import type { Layout } from './layout.ts';

/** The error for an option of `mapping` that does not fit its table. */
export function unfitting({ table }: Target, option: string, what: string, fix: string): TailraceError {
  return new TailraceError(
    'CONFIG_INVALID',
    `mapping.${qualifiedName(table)}.${option} does not fit the table: ${what}.`,
    `In the config: ${fix}.`,
  );
}

/** Throws CONFIG_INVALID for an option that would be passed over in silence. */
export function refuseUnfitting({ target, shape, columns }: Layout, options: Neo4jTableOptions): void {
  const unknown = options.indexes
    .flatMap((index) => index.columns)
    .find((column) => !columns.includes(column));
  if (unknown !== undefined)
    throw unfitting(
      target,
      'indexes',
      `it has no column ${unknown}`,
      `name columns as they are after the transforms: ${columns.join(', ')}`,
    );
  const wide = options.indexes.find(({ type, columns: names }) => type === 'text' && names.length > 1);
  if (wide !== undefined)
    throw unfitting(
      target,
      'indexes',
      `a text index holds one column, not ${wide.columns.join(', ')}`,
      'take fulltext, range, or an index for each column',
    );
  const [given, other] = misplaced(shape, options);
  if (given !== undefined)
    throw unfitting(
      target,
      given,
      `its rows are stored as ${shape}s`,
      `take it out, or store the table as ${other}`,
    );
}

/** An option that only the other shape has. */
function misplaced(shape: Layout['shape'], options: Neo4jTableOptions): [string | undefined, string] {
  const given = (names: readonly (keyof Neo4jTableOptions)[]): string | undefined =>
    names.find((name) => {
      const value = options[name];
      if (value === undefined) return false;
      return typeof value === 'string' || Object.keys(value).length > 0;
    });
  return shape === 'node'
    ? [given(['type', 'start', 'end']), 'relationship']
    : [given(['label', 'labels', 'relationships']), 'node'];
}
