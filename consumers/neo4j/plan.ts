import { NOTHING, type PlannedEffect } from '../../core/planned-effect.ts';
import { columnChanges } from '../../schemas/column-changes.ts';
import type { TargetChange } from '../sink.ts';
import { layoutsOf, shapeOf, type Layout } from './layout.ts';

/** Properties have no type, and relationships follow the foreign keys; a target of another shape must be filled anew. */
export function plan({ before, after, allBefore, allAfter }: TargetChange): PlannedEffect {
  const next = layoutsOf(allAfter).get(after.name);
  const known = before === null ? undefined : layoutsOf(allBefore).get(before.name);
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
  const [oldEdges, newEdges] = [edgesOf(known), edgesOf(next)];
  const changes = [
    ...columnChanges(before.table, after.table),
    ...newEdges.filter((edge) => !oldEdges.includes(edge)).map((edge) => `makes relationships ${edge}`),
    ...oldEdges.filter((edge) => !newEdges.includes(edge)).map((edge) => `takes relationships ${edge} away`),
  ];
  return changes.length === 0 ? NOTHING : { effect: 'evolve', why: changes.join(', '), fix: null };
}

/** The name of a constraint is of no effect. */
function edgesOf(layout: Layout): string[] {
  if (layout.shape !== 'node') return [];
  return layout.edges.map(({ type, end }) => `${type} to ${end.label} (${end.properties.join(', ')})`);
}
