import { randomUUID } from 'node:crypto';
import { Command } from 'commander';
import type { Kafka } from 'kafkajs';
import { suggest } from '../core/config/suggest.ts';
import type { LoadedConfig } from '../core/config/load.ts';
import { sendCommands, type Command as ControlCommand } from '../core/control.ts';
import { TailraceError, toError } from '../core/errors.ts';
import { createKafka, kafkaError } from '../core/kafka.ts';
import { createLogger } from '../core/logger.ts';
import { readState, type TableState } from '../core/state.ts';
import { connectSource, sourceError } from '../producers/postgres/connection.ts';
import { estimateRows } from '../producers/postgres/snapshot/row-estimate.ts';
import { qualifiedName } from '../schemas/table-schema.ts';
import { loadWithSource, withConfig, type ConfigOption } from './options.ts';
import { follow } from './snapshot-follow.ts';
import { readSnapshots, renderSnapshots } from './snapshot-status.ts';

interface SnapshotOptions extends ConfigOption {
  readonly where?: string;
  readonly pause?: boolean;
  readonly resume?: boolean;
  readonly status?: boolean;
  readonly json?: boolean;
  readonly wait: boolean;
  readonly dryRun?: boolean;
}

/** One table that is asked for; the form of `tailrace snapshot --json --no-wait`. */
interface Asked {
  readonly table: string;
  readonly id: string;
}

export function snapshotCommand(): Command {
  return withConfig(new Command('snapshot'))
    .description('read tables (again) into their topics while changes go on streaming')
    .argument('[tables...]', 'schema.table; a name without a schema is one of public')
    .option('--where <sql>', 'only the rows that this SQL condition picks')
    .option('--no-wait', 'ask for it and return at once')
    .option('--pause', 'let the snapshot stand still, also over restarts; changes go on streaming')
    .option('--resume', 'let it go on')
    .option('--status', 'how far each table has come')
    .option('--dry-run', 'check everything and show what would be read; ask for nothing')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Examples:
  tailrace snapshot public.contacts
  tailrace snapshot contacts places --no-wait
  tailrace snapshot public.orders --where "updated_at >= '2026-01-01'"
  tailrace snapshot --pause
  tailrace snapshot --status

The producer reads the tables, now or as soon as it runs. Ctrl-C ends the watching, not the snapshot.`,
    )
    .action(async (tables: string[], options: SnapshotOptions) => {
      const loaded = await loadWithSource(options);
      const { config } = loaded;
      checkUsage(tables, options);
      const kafka = createKafka(config.kafka, `tailrace-${config.pipeline}-cli`, createLogger({}));
      try {
        process.exitCode = await run(kafka, loaded, tables, options);
      } catch (error) {
        throw kafkaOr(error, config.kafka.brokers);
      }
    });
}

function checkUsage(tables: readonly string[], options: SnapshotOptions): void {
  const modes = [tables.length > 0, options.pause, options.resume, options.status].filter(Boolean);
  if (modes.length !== 1)
    throw usage(
      'give tables, or one of --pause, --resume and --status',
      'such as: tailrace snapshot public.contacts',
    );
  if (options.where !== undefined && tables.length !== 1)
    throw usage('--where needs exactly one table', 'give the table whose rows it picks');
}

async function run(
  kafka: Kafka,
  loaded: LoadedConfig,
  tables: readonly string[],
  options: SnapshotOptions,
): Promise<number> {
  const { config } = loaded;
  const known = (await readState(kafka, config.pipeline)).tables;
  if (known === null) {
    throw new TailraceError(
      'TOPIC_NOT_FOUND',
      `pipeline ${config.pipeline} has never been set up on this Kafka`,
      'start the producer: tailrace run producer; or check pipeline and kafka.brokers in the config',
    );
  }
  if (options.status === true) return showStatus(kafka, loaded, options);
  if (options.pause === true || options.resume === true) return turn(kafka, loaded, options);
  const names = tables.map((name) => capturedTable(name, known));
  const estimates = await checkSource(loaded, names, options.where);
  if (options.dryRun === true) return showPlan(names, estimates, options);
  const commands = names.map((table): ControlCommand => ({
    kind: 'snapshot',
    table: qualifiedName(table),
    ...(options.where === undefined ? {} : { where: options.where }),
  }));
  const ids = await sendCommands(kafka, config.kafka, config.pipeline, commands, randomUUID);
  const asked = ids.map((id, index): Asked => ({
    id,
    table: qualifiedName(names[index] ?? { schema: '', name: '' }),
  }));
  if (options.wait) return follow(kafka, config.pipeline, asked, options.json === true);
  if (options.json === true) process.stdout.write(`${JSON.stringify({ asked })}\n`);
  else process.stderr.write(`asked for ${asked.map(({ table }) => table).join(', ')}\n`);
  return 0;
}

/** Throws TABLE_NOT_FOUND when the pipeline does not capture it. */
function capturedTable(name: string, known: readonly TableState[]): TableState {
  const wanted = name.includes('.') ? name : `public.${name}`;
  const found = known.find((table) => qualifiedName(table) === wanted);
  if (found !== undefined) return found;
  const names = known.map(qualifiedName);
  throw new TailraceError(
    'TABLE_NOT_FOUND',
    `the pipeline does not capture ${wanted}${suggest(wanted, names)}`,
    `it captures: ${names.slice(0, 20).join(', ')}${names.length > 20 ? ', ...' : ''}; a table that was just added to source.tables needs a restart of the producer`,
  );
}

/** The rows that the planner expects in each table. A condition that Postgres does not take is an error of usage. */
async function checkSource(
  { config }: LoadedConfig,
  tables: readonly TableState[],
  where: string | undefined,
): Promise<(number | null)[]> {
  const client = await connectSource(config.source.url, `tailrace ${config.pipeline} cli`);
  const estimates: (number | null)[] = [];
  try {
    for (const table of tables) estimates.push(await estimateRows(client, table, where));
    return estimates;
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code;
    if (where !== undefined && typeof code === 'string' && /^(22|42)/.test(code) && code !== '42501')
      throw usage(
        `Postgres does not take the condition of --where: ${toError(error).message}`,
        'write an SQL condition over columns of the table, in quotes for the shell',
      );
    throw sourceError(error, config.source.url);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function showPlan(
  tables: readonly TableState[],
  estimates: readonly (number | null)[],
  { json, where }: SnapshotOptions,
): number {
  const plan = tables.map((table, index) => ({
    table: qualifiedName(table),
    where: where ?? null,
    estimate: estimates[index] ?? null,
  }));
  process.stdout.write(
    json === true
      ? `${JSON.stringify({ plan })}\n`
      : plan
          .map(
            ({ table, estimate }) =>
              `would read ${table}: about ${estimate ?? 'an unknown number of'} rows\n`,
          )
          .join(''),
  );
  return 0;
}

async function turn(kafka: Kafka, { config }: LoadedConfig, options: SnapshotOptions): Promise<number> {
  const paused = options.pause === true;
  if (options.dryRun !== true)
    await sendCommands(
      kafka,
      config.kafka,
      config.pipeline,
      [{ kind: 'pause snapshot', paused }],
      randomUUID,
    );
  const would = options.dryRun === true ? 'would ask' : 'asked';
  if (options.json === true) process.stdout.write(`${JSON.stringify({ paused })}\n`);
  else process.stderr.write(`${would} the producer to ${paused ? 'pause' : 'resume'} its snapshot\n`);
  return 0;
}

async function showStatus(
  kafka: Kafka,
  { config }: LoadedConfig,
  { json }: SnapshotOptions,
): Promise<number> {
  const snapshots = await readSnapshots(kafka, config.pipeline);
  process.stdout.write(json === true ? `${JSON.stringify(snapshots)}\n` : renderSnapshots(snapshots));
  return 0;
}

function usage(message: string, fix: string): TailraceError {
  return new TailraceError('USAGE', message, fix);
}

function kafkaOr(error: unknown, brokers: readonly string[]): unknown {
  return error instanceof Error && error.name.startsWith('KafkaJS') ? kafkaError(error, brokers) : error;
}
