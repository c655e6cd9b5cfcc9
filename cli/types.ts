import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Command, Option } from 'commander';
import type { LoadedConfig } from '../core/config/load.ts';
import { TailraceError, toError, withCode } from '../core/errors.ts';
import { createKafka, kafkaError } from '../core/kafka.ts';
import { createLogger } from '../core/logger.ts';
import { readState } from '../core/state.ts';
import { readCapturedForms } from '../producers/captured-forms.ts';
import { listTables } from '../producers/postgres/tables/catalog.ts';
import { connectSource, sourceError } from '../producers/postgres/connection.ts';
import { readEnumLabels } from '../producers/postgres/tables/enum-labels.ts';
import { selectTables } from '../producers/postgres/preflight.ts';
import { qualifiedName, type TableSchema } from '../schemas/table-schema.ts';
import { typedColumn, typescriptOf, type EnumLabels } from '../schemas/typescript-tables.ts';
import { loadTransforms } from '../transforms/load.ts';
import { differentLines } from './line-diff.ts';
import { loadWithSource, withConfig, type ConfigOption } from './options.ts';

interface TypesOptions extends ConfigOption {
  readonly out?: string;
  readonly from: 'database' | 'registry';
  readonly check?: boolean;
  readonly json?: boolean;
}

/** The captured tables as a sink's transforms see them. */
interface Described {
  readonly tables: readonly TableSchema[];
  readonly labels: EnumLabels;
}

export function typesCommand(): Command {
  return withConfig(new Command('types'))
    .description('TypeScript types of the captured tables, so that transforms are checked by the compiler')
    .option('--out <file>', 'write them into this file instead of stdout')
    .addOption(
      new Option('--from <where>', 'where the tables are described')
        .choices(['database', 'registry'])
        .default('database'),
    )
    .option('--check', 'write nothing; exit code 1 and a diff when the file of --out is stale')
    .option('--json', "the tables' columns as JSON instead of TypeScript")
    .addHelpText(
      'after',
      `
Examples:
  tailrace types --out transforms/tables.ts
  tailrace types --out transforms/tables.ts --check      in CI, against the migrated database
  tailrace types --from registry --json | jq '.tables[].name'`,
    )
    .action(async (options: TypesOptions) => {
      refuseOddOptions(options);
      const loaded = await loadWithSource(options);
      const described =
        options.from === 'database' ? await fromDatabase(loaded) : await fromStateTopic(loaded);
      const { pipeline } = loaded.config;
      const text =
        options.json === true
          ? `${JSON.stringify(jsonOf(pipeline, described), null, 2)}\n`
          : typescriptOf(pipeline, described.tables, described.labels);
      deliver(text, options);
    });
}

function refuseOddOptions({ check, out }: TypesOptions): void {
  if (check !== true || out !== undefined) return;
  throw new TailraceError('USAGE', '--check compares a file, and none is named', 'add --out FILE');
}

/** From the catalogue; tables that cannot be captured are left out, and named on stderr. */
async function fromDatabase({ config, folder }: LoadedConfig): Promise<Described> {
  const { pipeline, source } = config;
  const transforms = await loadTransforms(source.transforms, folder).catch((error: unknown) => {
    throw withCode('CONFIG_INVALID', error, 'mend source.transforms in the config');
  });
  const client = await connectSource(source.url, `tailrace ${pipeline} types`);
  try {
    const selected = selectTables(await listTables(client), source);
    const forms = await readCapturedForms(client, source, transforms, selected);
    const tables: TableSchema[] = [];
    for (const { table, problem } of forms) {
      // Whoever checks types need not have the rights of the producer.
      if (problem === null || problem.code === 'SOURCE_PERMISSION_DENIED') tables.push(table);
      else if (problem.code === 'TRANSFORM_FAILED') throw problem;
      else process.stderr.write(`left out: ${problem.message}\n`);
    }
    return { tables, labels: await readEnumLabels(client) };
  } catch (error) {
    throw sourceError(error, source.url);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** From the schemas that the producer has made known to its sinks. They hold no labels of enums. */
async function fromStateTopic({ config }: LoadedConfig): Promise<Described> {
  const { pipeline, kafka: kafkaConfig } = config;
  const kafka = createKafka(kafkaConfig, `tailrace-${pipeline}-types`, createLogger({}));
  const state = await readState(kafka, pipeline).catch((error: unknown) => {
    throw kafkaError(error, kafkaConfig.brokers);
  });
  if (state.tables === null) {
    throw new TailraceError(
      'TOPIC_NOT_FOUND',
      `the pipeline ${pipeline} has made no schemas known yet`,
      'start its producer once, or use --from database',
    );
  }
  const tables = state.tables.flatMap(({ fingerprint }) => state.schemas.get(fingerprint) ?? []);
  return { tables, labels: new Map() };
}

/** The form of `types --json` (docs/cli.md). */
function jsonOf(pipeline: string, { tables, labels }: Described): unknown {
  return {
    pipeline,
    tables: tables
      .map((table) => ({
        name: qualifiedName(table),
        key: table.key,
        columns: table.columns.map((column) => typedColumn(column, labels)),
      }))
      .toSorted((left, right) => (left.name < right.name ? -1 : 1)),
  };
}

/** Throws TYPES_STALE, and USAGE where the file cannot be read or written. */
function deliver(text: string, { out, check }: TypesOptions): void {
  if (out === undefined) {
    process.stdout.write(text);
    return;
  }
  const before = onFile(out, 'read', () => (existsSync(out) ? readFileSync(out, 'utf8') : null));
  if (check !== true) {
    if (before !== text) onFile(out, 'written', () => write(out, text));
    process.stderr.write(`${out} ${before === text ? 'was up to date' : 'written'}\n`);
    return;
  }
  if (before === text) {
    process.stderr.write(`${out} is up to date\n`);
    return;
  }
  process.stdout.write(renderDiff(before ?? '', text));
  throw new TailraceError(
    'TYPES_STALE',
    before === null ? `${out} does not exist` : `${out} is not what the tables are now`,
    `run tailrace types --out ${out}, and let the compiler check the transforms`,
  );
}

function write(out: string, text: string): void {
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, text);
}

function onFile<Result>(out: string, what: 'read' | 'written', work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw new TailraceError(
      'USAGE',
      `${out} cannot be ${what}: ${toError(error).message}`,
      'name a file that you may write with --out',
    );
  }
}

const TABLE_LINE = /^ {2}readonly ('.*'): \{$|^ {6}"name": (".*"),$/;

/** The lines that differ, each group below the name of its table. */
function renderDiff(before: string, after: string): string {
  const texts = { '-': before.split('\n'), '+': after.split('\n') };
  let shown: string | undefined;
  return differentLines(texts['-'], texts['+'])
    .map(({ mark, text, place }) => {
      const heading = texts[mark].slice(0, place + 1).findLast((line) => TABLE_LINE.test(line));
      const table = heading === undefined ? undefined : TABLE_LINE.exec(heading)?.slice(1).join('');
      const title = table === shown || table === undefined ? '' : `@@ ${table} @@\n`;
      shown = table;
      return `${title}${mark}${text}\n`;
    })
    .join('');
}
