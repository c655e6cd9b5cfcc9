import { TailraceError } from '../../core/errors.ts';
import { qualifiedName, type Column } from '../../schemas/table-schema.ts';
import type { Target } from '../sink.ts';
import type { Neo4jTableOptions, TableOptionsOf } from './config.ts';
import { edgesOf } from './foreign-keys.ts';
import { endsOf } from './join-table.ts';
import { endpointOf, labelOfTarget, type Known } from './known-targets.ts';
import type { IncomingEdge, Layout, NodeLayout } from './layout.ts';
import { refuseCollisions } from './name-collisions.ts';
import { upperSnake } from './names.ts';
import { refuseUnfitting } from './unfitting-options.ts';

/**
 * The graph's structure for all targets of a sink, by the target's name. Whether a table becomes a relationship follows
 * from its schema and options alone, whatever else the sink holds (unless a target shows that the other end can't be a node).
 * Throws TABLE_NAMES_COLLIDE when two structures would share a name, SINK_SCHEMA_CONFLICT for a column `__pos`,
 * CONFIG_INVALID for options that do not fit their table.
 */
export function layoutsOf(targets: readonly Target[], optionsOf: TableOptionsOf): Map<string, Layout> {
  const byTable = new Map(targets.map((target) => [qualifiedName(target.table), target]));
  const known: Known = { byTable, optionsOf };
  const layouts = targets.map((target) => layoutOf(target, optionsOf(target.table), known));
  for (const { table, name } of targets) refuseInternalColumn(name, table.columns);
  refuseCollisions(layouts);
  return new Map(
    layouts.map((layout) => [
      layout.target.name,
      layout.shape === 'node' ? { ...layout, incoming: incomingOf(layout, layouts) } : layout,
    ]),
  );
}

function layoutOf(target: Target, options: Neo4jTableOptions, known: Known): Layout {
  const columns = target.table.columns.map(({ name }) => name);
  const common = { target, columns, indexes: options.indexes };
  const ends = endsOf(target, options, known);
  const layout: Layout =
    ends === null
      ? {
          ...common,
          shape: 'node',
          label: labelOfTarget(target, options),
          labels: options.labels,
          ...edgesOf(target, options, known),
          incoming: [],
        }
      : {
          ...common,
          shape: 'relationship',
          type: options.type ?? upperSnake(target.name),
          start: endpointOf(ends.start, known),
          end: endpointOf(ends.end, known),
        };
  refuseUnfitting(layout, options);
  return layout;
}

function incomingOf({ label }: NodeLayout, layouts: readonly Layout[]): IncomingEdge[] {
  return layouts.flatMap((layout) => {
    if (layout.shape !== 'node') return [];
    const ending = layout.edges.filter(({ by, end }) => by === 'value' && end.label === label);
    return ending.map((edge) => ({ source: layout.label, edge }));
  });
}

function refuseInternalColumn(name: string, columns: readonly Column[]): void {
  if (columns.every((column) => column.name !== '__pos')) return;
  throw new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `The target ${name} has a column __pos, the name under which Neo4j keeps each row's version.`,
    'Rename the column with the transform renameColumns.',
  );
}
