import { TailraceError } from '../../core/errors.ts';
import { NOTHING, type PlannedEffect } from '../../core/planned-effect.ts';
import { columnChanges } from '../../schemas/column-changes.ts';
import type { Target, TargetChange } from '../sink.ts';
import type { Neo4jOptions, TableOptionsOf } from './config.ts';
import { indexesOf } from './indexes.ts';
import { shapeOf, type Layout } from './layout.ts';
import { layoutsOf } from './layouts.ts';

/** Properties have no type, and relationships follow the foreign keys; a target of another shape must be filled anew. */
export function plan(
  { before, after, allBefore, allAfter }: TargetChange,
  _options: Neo4jOptions,
  tableOptions: TableOptionsOf,
): PlannedEffect {
  const next = layoutsOf(allAfter, tableOptions).get(after.name);
  const known = before === null ? undefined : layoutBefore(allBefore, tableOptions, before.name);
  if (next === undefined) return NOTHING;
  if (before === null || known === undefined)
    return { effect: 'evolve', why: `makes ${shapeOf(next)}`, fix: null };
  if (shapeOf(known) !== shapeOf(next)) {
    return {
      effect: 'rebuild',
      why: `stored as ${shapeOf(known)}, its table then asks for ${shapeOf(next)}`,
      fix: 'fill the target anew, as the README of the sink says',
    };
  }
  const changes = [
    ...columnChanges(before.table, after.table),
    ...changesOf('relationships', edgesOf(known), edgesOf(next)),
    ...changesOf('index', indexTexts(known), indexTexts(next)),
  ];
  return changes.length === 0 ? NOTHING : { effect: 'evolve', why: changes.join(', '), fix: null };
}

/** The options may be for the tables as they will be; a sink that runs them now has halted. */
function layoutBefore(
  targets: readonly Target[],
  optionsOf: TableOptionsOf,
  name: string,
): Layout | undefined {
  try {
    return layoutsOf(targets, optionsOf).get(name);
  } catch (error) {
    if (error instanceof TailraceError) return undefined;
    throw error;
  }
}

function changesOf(what: string, before: readonly string[], after: readonly string[]): string[] {
  return [
    ...after.filter((one) => !before.includes(one)).map((one) => `makes ${what} ${one}`),
    ...before.filter((one) => !after.includes(one)).map((one) => `takes ${what} ${one} away`),
  ];
}

/** The name of a constraint is of no effect. */
function edgesOf(layout: Layout): string[] {
  if (layout.shape !== 'node') return [];
  return layout.edges.map(
    ({ type, direction, end }) =>
      `${type} ${direction === 'out' ? 'to' : 'from'} ${end.label} (${end.properties.join(', ')})`,
  );
}

function indexTexts(layout: Layout): string[] {
  return indexesOf(layout).map(({ columns, type }) => `${columns.join(', ')} (${type})`);
}
