import type { LoadedConfig } from '../core/config/load.ts';
import { gravest, type Effect, type PlannedEffect } from '../core/planned-effect.ts';
import { pairForms, planTopic, type FormChange } from '../producers/planned-change.ts';
import type { PlannedTables } from '../producers/postgres/scratch/planned-database.ts';
import { matchesTable } from '../schemas/table-pattern.ts';
import { qualifiedName } from '../schemas/table-schema.ts';
import { planRegistry } from './plan-registry.ts';
import { planSink } from './plan-sinks.ts';

/** What happens at one place; the form of `plan --json` (docs/cli.md). */
export interface PlannedPlace extends PlannedEffect {
  readonly place: 'topic' | 'registry' | 'sink';
  /** Of a sink, else null. */
  readonly name: string | null;
}

/** What happens to one table, before the migration or after it one of the pipeline's. */
export interface PlannedTable {
  readonly table: string;
  /** The name before, where it was another; null for a new table. */
  readonly formerly: string | null;
  /** The gravest of the places'. */
  readonly effect: Effect;
  readonly places: readonly PlannedPlace[];
}

/** Asks every place what it would do. Throws CONFIG_INVALID and REGISTRY_*. */
export async function planPlaces(
  loaded: LoadedConfig,
  { before, after }: PlannedTables,
): Promise<PlannedTable[]> {
  const { config } = loaded;
  const changes = pairForms(before, after);
  const topics = changes.map((change) => topicOf(loaded, change, changes));
  const sinks = new Map<string, (PlannedEffect | null)[]>();
  for (const name of Object.keys(config.sinks))
    sinks.set(name, await planSink(loaded, name, changes, topics));
  const planned: PlannedTable[] = [];
  for (const [index, change] of changes.entries()) {
    const topic = topics[index];
    const form = change.after ?? change.before;
    if (topic === undefined || form === null) continue;
    const isWritten = change.after !== null && change.after.problem === null && topic.effect !== 'nothing';
    const registry =
      config.registry === undefined || !isWritten
        ? null
        : await planRegistry(config.registry, config.pipeline, form.table);
    const places: PlannedPlace[] = [
      { place: 'topic', name: null, ...topic },
      ...(registry === null ? [] : [{ place: 'registry' as const, name: null, ...registry }]),
      ...[...sinks].flatMap(([name, effects]) => {
        const effect = effects[index] ?? null;
        return effect === null ? [] : [{ place: 'sink' as const, name, ...effect }];
      }),
    ];
    planned.push({
      table: qualifiedName(form.table),
      formerly: change.before === null ? null : qualifiedName(change.before.table),
      effect: gravest(places.map(({ effect }) => effect)),
      places,
    });
  }
  return planned.toSorted((left, right) => (left.table < right.table ? -1 : 1));
}

function topicOf(
  { config }: LoadedConfig,
  change: FormChange,
  changes: readonly FormChange[],
): PlannedEffect {
  const { pipeline, source } = config;
  const { before, after } = change;
  if (after === null && before !== null) {
    const lost = source.tables.find(
      (pattern) =>
        matchesTable([pattern], before.table) &&
        changes.every((other) => other.after === null || !matchesTable([pattern], other.after.table)),
    );
    if (lost !== undefined) return namesNothing(lost);
  }
  const isNameTaken = changes.some(
    (other) =>
      other.before !== null &&
      other.after === null &&
      after !== null &&
      qualifiedName(other.before.table) === qualifiedName(after.table),
  );
  return planTopic(change, { pipeline, snapshot: source.snapshot, isNameTaken });
}

function namesNothing(pattern: string): PlannedEffect {
  return {
    effect: 'break',
    why: `TABLE_NOT_FOUND: source.tables names ${pattern}, which no table is left of: the producer's next start fails`,
    fix: 'mend source.tables together with the migration',
  };
}
