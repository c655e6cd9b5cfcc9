import type { LoadedConfig } from '../core/config/load.ts';
import { TailraceError, withCode } from '../core/errors.ts';
import { compareEffects, NOTHING, type PlannedEffect } from '../core/planned-effect.ts';
import { configureSink, tableOptionsOf, type ConfiguredSink } from '../consumers/load-sink.ts';
import type { SinkContext, Target } from '../consumers/sink.ts';
import { loadMapping, type TableMapping } from '../consumers/table-mapping.ts';
import type { FormChange } from '../producers/planned-change.ts';
import { matchesTable } from '../schemas/table-pattern.ts';
import type { TableSchema } from '../schemas/table-schema.ts';

/** A table in one sink before and after; the error is that of a transform that no longer fits. */
interface SinkChange {
  readonly before: Target | null;
  readonly after: Target | TailraceError | null;
}

/** What each change does in one sink of the config, in the order of the changes; null for a table that the sink has not. */
export async function planSink(
  loaded: LoadedConfig,
  name: string,
  changes: readonly FormChange[],
  topics: readonly PlannedEffect[],
): Promise<(PlannedEffect | null)[]> {
  const config = loaded.config.sinks[name];
  if (config === undefined) throw new RangeError(`there is no sink ${name}`);
  const configured = await configureSink(loaded.file, name, config);
  const mapping = await loadMapping(name, config, loaded.folder);
  const tableOptions = tableOptionsOf(configured.module, name, config.mapping);
  const isTaken = (table: TableSchema) => config.tables === undefined || matchesTable(config.tables, table);
  const inSink = changes.map((change) => sinkChangeOf(change, isTaken, mapping));
  const all = {
    allBefore: inSink.flatMap(({ before }) => before ?? []),
    allAfter: inSink.flatMap(({ after }) => (after === null || after instanceof TailraceError ? [] : after)),
  };
  return inSink.map((change, place) =>
    planOne({ ...configured, tableOptions }, change, all, topics[place] ?? NOTHING),
  );
}

function sinkChangeOf(
  { before, after }: FormChange,
  isTaken: (table: TableSchema) => boolean,
  mapping: TableMapping,
): SinkChange {
  const targetOf = (form: FormChange['before']): Target | TailraceError | null => {
    if (form === null || form.problem !== null || !isTaken(form.table)) return null;
    try {
      return mapping.bind(form.table).target;
    } catch (error) {
      return withCode('TRANSFORM_FAILED', error, "mend the sink's transforms in the config");
    }
  };
  const was = targetOf(before);
  return { before: was instanceof TailraceError ? null : was, after: targetOf(after) };
}

function planOne(
  { module, options, tableOptions }: ConfiguredSink & Pick<SinkContext, 'tableOptions'>,
  { before, after }: SinkChange,
  all: { readonly allBefore: readonly Target[]; readonly allAfter: readonly Target[] },
  topic: PlannedEffect,
): PlannedEffect | null {
  // Nothing more reaches the sinks until somebody has mended it.
  if (topic.effect === 'break') return null;
  if (after === null)
    return before === null
      ? null
      : {
          effect: 'evolve',
          why: `no longer a table of the sink: ${before.name} and its rows stay`,
          fix: null,
        };
  if (after instanceof TailraceError) return broken(after);
  const isRenamed = before !== null && before.name !== after.name;
  const planned = tried(() =>
    module.plan({ before: isRenamed ? null : before, after, ...all }, options, tableOptions),
  );
  if (planned.effect === 'break') return planned;
  const renamed = isRenamed ? `; ${before.name} and its rows stay` : '';
  if (before !== null && !isRenamed && before.table.key.join('\0') !== after.table.key.join('\0')) {
    const why = `the key is (${after.table.key.join(', ')}), rows are stored under (${before.table.key.join(', ')})`;
    return { effect: 'rebuild', why, fix: `delete ${after.name} in the store, with the topic` };
  }
  // The rows are written again, or the target made anew, whatever the store has to change for it.
  if (compareEffects(topic.effect, planned.effect) <= 0 || topic.effect === 'evolve')
    return { ...planned, why: `${planned.why}${renamed}` };
  const doing = before === null ? 'its rows are written' : doingOf(topic);
  const why = planned.why === '' ? doing : `${planned.why}${renamed}; ${doing}`;
  return { effect: topic.effect, why, fix: planned.fix };
}

function doingOf({ effect }: PlannedEffect): string {
  return effect === 'reread' ? 'every row is written again' : 'made anew with the topic';
}

function tried(plan: () => PlannedEffect): PlannedEffect {
  try {
    return plan();
  } catch (error) {
    if (!(error instanceof TailraceError)) throw error;
    return broken(error);
  }
}

function broken({ code, message, fix }: TailraceError): PlannedEffect {
  return { effect: 'break', why: `${code}: ${message}`, fix };
}
