import { auth, driver as createDriver, types, type EagerResult } from 'neo4j-driver';
import type { SinkConfig } from '../../core/config/schema.ts';
import { createLogger, type Logger } from '../../core/logger.ts';
import { keyText } from '../../schemas/key-text.ts';
import type { StoredRow } from '../../test/sink-contract-model.ts';
import type { SinkHarness } from '../../test/sink-contract.ts';
import type { Sink, Target } from '../sink.ts';
import { addressOf, noTableOptions } from './config.ts';
import { tableOptionsOf } from '../../test/table-options.ts';
import { sink as neo4j } from './index.ts';
import { layoutsOf } from './layouts.ts';
import { quoted } from './names.ts';

/** What the integration tests of this folder share: sinks on the server of NEO4J_URL, and a reader of the graph beside them. */

const given = process.env['NEO4J_URL'];
if (given === undefined)
  throw new Error(
    'NEO4J_URL is missing: give the address of a Neo4j server, neo4j://user:password@host:port',
  );
export const url: string = given;

const address = addressOf(neo4j.options.parse({ url }));
const reader = createDriver(address.url, auth.basic(address.username, address.password), {
  useBigInt: true,
});

export const closeReader = (): Promise<void> => reader.close();

/** `mapping` as in the config, by table. */
export type Mapping = Readonly<Record<string, unknown>>;

export function createSink(
  options: Record<string, string> = {},
  mapping: Mapping = {},
  log: Logger = createLogger({ sink: 'test' }),
): Sink {
  const context = {
    name: 'test',
    log,
    tableOptions: tableOptionsOf(neo4j, 'test', mapping as SinkConfig['mapping']),
  };
  return neo4j.create(neo4j.options.parse({ url, ...options }), context);
}

/** Runs a query beside the sinks; the records as objects. */
export async function query(
  text: string,
  parameters: Record<string, unknown> = {},
): Promise<Record<string, unknown>[]> {
  const { records } = await reader.executeQuery<EagerResult>(text, parameters);
  return records.map((record) => record.toObject());
}

export const harness: SinkHarness = {
  tellsStale: true,
  // Longer than a value of an index may be.
  impossibleRow: () => Promise.resolve({ id: 'secret'.repeat(10_000), day: '2024-02-29' }),
  classify: (error) => neo4j.classify(error),
  async open() {
    const sink = createSink();
    await sink.connect();
    return { sink, close: () => sink.close() };
  },
  async read(target) {
    const layout = layoutsOf([target], noTableOptions).get(target.name);
    const found = await query(
      layout?.shape === 'node'
        ? `MATCH (n:${quoted(layout.label)}) WHERE NOT n:__Placeholder RETURN properties(n) AS row`
        : `MATCH ()-[r:${quoted(layout?.type ?? '')}]->() RETURN properties(r) AS row`,
    );
    const rows = new Map<string, StoredRow>();
    for (const { row } of found as { row: Record<string, unknown> }[]) {
      const { __pos: _, ...columns } = row;
      const texts = Object.fromEntries(Object.entries(columns).map(([name, value]) => [name, textOf(value)]));
      rows.set(keyText(target.table.key, texts), texts);
    }
    return rows;
  },
  async remove(targets) {
    const layouts = [...layoutsOf(targets, noTableOptions).values()];
    const labels = layouts.flatMap((layout) =>
      layout.shape === 'node' ? [layout.label] : [layout.start.label, layout.end.label],
    );
    const constraints = await query('SHOW CONSTRAINTS YIELD name, labelsOrTypes');
    for (const { name, labelsOrTypes } of constraints as { name: string; labelsOrTypes: string[] }[])
      if (labelsOrTypes.some((label) => labels.includes(label)))
        await query(`DROP CONSTRAINT ${quoted(name)} IF EXISTS`);
    for (const label of labels) await query(`MATCH (n:${quoted(label)}) DETACH DELETE n`);
    for (const { name } of targets) {
      await query('MATCH (t:__Tombstone) WHERE t.id STARTS WITH $prefix DELETE t', { prefix: `${name}:` });
      await query('MATCH (t:__Tailrace {id: $id}) DELETE t', { id: `target ${name}` });
    }
  },
};

/** A value of the graph as `valueText` of its form in value.ts. */
function textOf(value: unknown): string {
  if (value instanceof types.Date) return `${dayText(value)}${eraText(value)}`;
  if (value instanceof types.LocalDateTime) return `${dayText(value)}T${clockText(value)}${eraText(value)}`;
  if (value instanceof types.DateTime) {
    if (Number(value.timeZoneOffsetSeconds) !== 0) throw new Error('a timestamptz is kept in UTC');
    return `${dayText(value)}T${clockText(value)}Z${eraText(value)}`;
  }
  if (value instanceof Int8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64');
  return String(value);
}

interface Day {
  readonly year: unknown;
  readonly month: unknown;
  readonly day: unknown;
}

interface Clock {
  readonly hour: unknown;
  readonly minute: unknown;
  readonly second: unknown;
  readonly nanosecond: unknown;
}

function dayText({ year, month, day }: Day): string {
  const shown = Number(year) > 0 ? Number(year) : 1 - Number(year);
  return `${padded(shown, 4)}-${padded(month, 2)}-${padded(day, 2)}`;
}

function clockText({ hour, minute, second, nanosecond }: Clock): string {
  const fraction = padded(nanosecond, 9).replace(/0+$/, '');
  return `${padded(hour, 2)}:${padded(minute, 2)}:${padded(second, 2)}${fraction === '' ? '' : `.${fraction}`}`;
}

function eraText({ year }: Pick<Day, 'year'>): string {
  return Number(year) > 0 ? '' : ' BC';
}

function padded(value: unknown, length: number): string {
  return String(value).padStart(length, '0');
}

/** A target of its own for one test, with foreign keys to others. */
export function withForeignKeys(target: Target, references: Readonly<Record<string, Target>>): Target {
  const foreignKeys = Object.entries(references).map(([column, referenced]) => ({
    name: `${target.name}_${column}_fkey`,
    columns: [column],
    referencedSchema: referenced.table.schema,
    referencedTable: referenced.table.name,
    referencedColumns: [...referenced.table.key],
  }));
  return { ...target, table: { ...target.table, foreignKeys } };
}
