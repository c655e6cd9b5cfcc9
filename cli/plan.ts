import { readFileSync } from 'node:fs';
import { styleText } from 'node:util';
import { Command, Option } from 'commander';
import { compareEffects, EFFECTS, gravest, type Effect } from '../core/planned-effect.ts';
import { TailraceError, toError, withCode } from '../core/errors.ts';
import { sourceError } from '../producers/postgres/connection.ts';
import { planTables } from '../producers/postgres/scratch/planned-database.ts';
import { loadTransforms } from '../transforms/load.ts';
import { loadWithSource, withConfig, type ConfigOption } from './options.ts';
import { planPlaces, type PlannedTable } from './plan-tables.ts';
import { stopSignal } from './stop-signal.ts';

interface PlanOptions extends ConfigOption {
  readonly allow: Effect;
  readonly scratch?: string;
  readonly json?: boolean;
}

/** The form of `plan --json` (docs/cli.md). */
interface Plan {
  readonly pipeline: string;
  readonly file: string;
  /** The gravest of all tables'. */
  readonly effect: Effect;
  /** The gravest that is allowed. */
  readonly allow: Effect;
  readonly ok: boolean;
  readonly tables: readonly PlannedTable[];
  /** Statements that change nothing here, or reach beyond the database. */
  readonly leftOut: readonly string[];
  /** What the copy of the schema lacked. */
  readonly notCopied: readonly string[];
}

export function planCommand(): Command {
  return withConfig(new Command('plan'))
    .description(
      'what a migration would do to each table, topic and sink; it runs on a scratch copy of the schema',
    )
    .argument('<file.sql>', 'the statements of the migration; - reads them from stdin')
    .addOption(
      new Option('--allow <effect>', 'the gravest effect that ends with exit code 0')
        .choices([...EFFECTS])
        .default('reread'),
    )
    .option('--scratch <url>', 'a server on which the scratch database is made, instead of the source')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Examples:
  tailrace plan migrations/0042-orders.sql
  tailrace plan migrations/0042-orders.sql --allow rebuild --json
  tailrace plan migration.sql --scratch postgres://postgres@localhost:5433/postgres

Ends with 0 when nothing is graver than --allow, 6 when something is, 1 when the migration itself fails.`,
    )
    .action(async (file: string, options: PlanOptions) => {
      process.exitCode = await plan(file, options);
    });
}

async function plan(file: string, { allow, scratch, json, ...options }: PlanOptions): Promise<number> {
  const loaded = await loadWithSource(options);
  const { pipeline, source } = loaded.config;
  const transforms = await loadTransforms(source.transforms, loaded.folder).catch((error: unknown) => {
    throw withCode('CONFIG_INVALID', error, 'mend source.transforms in the config');
  });
  const migration = { file: file === '-' ? 'stdin' : file, sql: read(file) };
  const stopped = stopSignal();
  try {
    const { signal } = stopped;
    const planned = await planTables(source, transforms, migration, { scratchUrl: scratch, signal });
    const tables = await planPlaces(loaded, planned);
    const effect = gravest(tables.map((table) => table.effect));
    const isOk = compareEffects(effect, allow) <= 0;
    const { leftOut, notCopied } = planned;
    const result: Plan = {
      pipeline,
      file: migration.file,
      effect,
      allow,
      ok: isOk,
      tables,
      leftOut,
      notCopied,
    };
    process.stdout.write(json === true ? `${JSON.stringify(result)}\n` : render(result));
    return isOk ? 0 : 6;
  } catch (error) {
    // The scratch database is dropped by now.
    if (stopped.signal.aborted) return 130;
    throw sourceError(error, scratch ?? source.url);
  } finally {
    stopped.forget();
  }
}

/** Throws USAGE. */
function read(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new TailraceError(
      'USAGE',
      `${file} cannot be read: ${toError(error).message}`,
      'name a file of SQL',
    );
  }
}

const COLOURS = { nothing: 'dim', evolve: 'green', reread: 'yellow', rebuild: 'red', break: 'red' } as const;

function render({ tables, effect, allow, ok, leftOut, notCopied }: Plan): string {
  const touched = tables.filter((table) => table.effect !== 'nothing');
  const width = Math.max(
    5,
    ...touched.flatMap(({ places }) => places.map(({ place, name }) => (name ?? place).length)),
  );
  const blocks = touched.map(({ table, formerly, places }) => {
    const title = formerly === null || formerly === table ? table : `${table} (was ${formerly})`;
    const lines = places.map(({ place, name, effect: own, why, fix }) => {
      const told = fix === null ? '' : `${' '.repeat(width + 13)}fix: ${fix}\n`;
      return (
        `  ${(name ?? place).padEnd(width)}  ${styleText(COLOURS[own], own.padEnd(7))}  ${why}`.trimEnd() +
        `\n${told}`
      );
    });
    return `${title}\n${lines.join('')}\n`;
  });
  const untouched = tables.length - touched.length;
  const notes = [
    ...leftOut.map((statement) => `left out, ${statement}\n`),
    ...(notCopied.length === 0 ? [] : [`not in the copy of the schema: ${notCopied.join(', ')}\n`]),
    ...(untouched === 0 ? [] : [`nothing for ${untouched} ${untouched === 1 ? 'table' : 'tables'}\n`]),
  ];
  const verdict = ok ? `plan: ${effect}` : `plan: ${effect}, graver than ${allow}, which --allow takes`;
  return `${blocks.join('')}${notes.join('')}${verdict}\n`;
}
