import { TailraceError } from '../../core/errors.ts';
import type { TableSchema } from '../../schemas/table-schema.ts';
import type { Sink, SinkContext, Target, Write, WriteOutcome } from '../sink.ts';
import { applyWrites } from './apply.ts';
import { openDriver } from './client.ts';
import type { Neo4jOptions, Neo4jTableOptions } from './config.ts';
import { classify } from './errors.ts';
import { dropFormerEdges } from './former-edges.ts';
import { joinedTarget } from './joined-target.ts';
import type { Layout } from './layout.ts';
import { layoutsOf } from './layouts.ts';
import { graphWriteOf, rowFormOf, type GraphWrite, type RowForm } from './mapping.ts';
import { linkStoredRows, prepareLayouts } from './prepare.ts';
import { readRecords } from './records.ts';
import { inTransaction } from './transaction.ts';
import { truncateTarget } from './truncate.ts';

/** Rows as nodes, foreign keys as relationships. See README.md for the layout and the rules. */
export function createNeo4jSink(
  options: Neo4jOptions,
  { log, tableOptions }: SinkContext<Neo4jTableOptions>,
): Sink {
  const driver = openDriver(options);
  const database = { driver, name: options.database, log };
  const targets = new Map<string, Target>();
  const linked = new Set<string>();
  let layouts: ReadonlyMap<string, Layout> = new Map();
  /** By the schema of the rows. */
  let forms = new WeakMap<TableSchema, RowForm>();

  async function prepare(wanted: readonly Target[]): Promise<void> {
    const all = new Map(targets);
    for (const target of wanted) all.set(target.name, joinedTarget(all.get(target.name), target));
    const next = layoutsOf([...all.values()], tableOptions);
    warnOfNotMade([...next.values()]);
    // A new target can change how others are stored, so all of them are looked at.
    await prepareLayouts(database, [...next.values()]);
    for (const target of all.values()) targets.set(target.name, target);
    layouts = next;
    forms = new WeakMap();
    await moveStoredEdges();
  }

  /** No error: the other table may be about to be captured, and topics of Debezium show their tables one by one. */
  function warnOfNotMade(all: readonly Layout[]): void {
    for (const layout of all)
      for (const notMade of layout.shape === 'node' ? layout.notMade : [])
        log.warn(
          { target: layout.target.name, ...notMade },
          'a foreign key of `relationships` stays a property',
        );
  }

  async function moveStoredEdges(): Promise<void> {
    const recordOf = await readRecords(database, [...layouts.values()]);
    for (const layout of layouts.values()) {
      if (layout.shape !== 'node') continue;
      if (await dropFormerEdges(database, layout, recordOf(layout))) linked.clear();
      for (const edge of layout.edges) {
        const name = JSON.stringify([layout.label, edge]);
        if (linked.has(name)) continue;
        await linkStoredRows(database, layout, edge);
        linked.add(name);
      }
    }
  }

  /** What another process of this sink has prepared is not known here yet, nor are columns that came before they were told. */
  async function prepareUnknown(wanted: readonly Target[]): Promise<void> {
    const unknown = new Map(
      wanted.filter((target) => formOf(target) === null).map((target) => [target.table, target]),
    );
    if (unknown.size > 0) await prepare([...unknown.values()]);
  }

  function formOf(target: Target): RowForm | null {
    const layout = layouts.get(target.name);
    if (layout === undefined) return null;
    const form = forms.get(target.table) ?? rowFormOf(layout, target);
    if (form !== null) forms.set(target.table, form);
    return form;
  }

  function mapOrReject(write: Write): GraphWrite | WriteOutcome {
    const [layout, form] = [layouts.get(write.target.name), formOf(write.target)];
    if (layout === undefined || form === null) throw notPrepared(write.target);
    try {
      return graphWriteOf(write, layout, form);
    } catch (error) {
      const outcome = rejected(error);
      // A row with a key that the graph can't hold was never written.
      return write.op === 'delete' ? { result: 'stale' } : outcome;
    }
  }

  async function write(writes: readonly Write[]): Promise<readonly WriteOutcome[]> {
    await prepareUnknown(writes.map(({ target }) => target));
    const mapped = writes.map(mapOrReject);
    const exceptions = new Map<GraphWrite, WriteOutcome>();
    await writeChunk(
      mapped.filter((one): one is GraphWrite => !('result' in one)),
      exceptions,
    );
    return mapped.map((one) => ('result' in one ? one : (exceptions.get(one) ?? { result: 'applied' })));
  }

  /** Notes every write that was not applied. Halves a chunk that the server refuses, until the bad row stands alone. */
  async function writeChunk(
    chunk: readonly GraphWrite[],
    exceptions: Map<GraphWrite, WriteOutcome>,
  ): Promise<void> {
    const [first, ...more] = chunk;
    if (first === undefined) return;
    try {
      const stale = await inTransaction(driver, options.database, (transaction) =>
        applyWrites(transaction, chunk),
      );
      for (const one of stale) exceptions.set(one, { result: 'stale' });
    } catch (error) {
      if (more.length === 0) exceptions.set(first, rejected(error));
      else if (classify(error).outcome !== 'park') throw error;
      else for (const part of halves(chunk)) await writeChunk(part, exceptions);
    }
  }

  return {
    async connect() {
      // A query, because the driver's own checks do not notice a database that is not there.
      await driver.executeQuery('RETURN 1', {}, { database: options.database });
    },
    prepare,
    write,
    async truncate(target, position) {
      await prepareUnknown([target]);
      const layout = layouts.get(target.name);
      if (layout === undefined) throw notPrepared(target);
      await truncateTarget(database, layout, position);
    },
    close: () => driver.close(),
  };
}

function notPrepared({ name }: Target): RangeError {
  return new RangeError(`the target ${name} was not prepared`);
}

function halves<Item>(items: readonly Item[]): Item[][] {
  const half = Math.ceil(items.length / 2);
  return [items.slice(0, half), items.slice(half)];
}

/**
 * The outcome for an error that concerns one row; throws every other error again. Neo4j's own message can hold the
 * row's values, so only the sentence of the error table goes on.
 */
function rejected(error: unknown): WriteOutcome {
  const verdict = classify(error);
  if (verdict.outcome !== 'park') throw error;
  if (error instanceof TailraceError) return { result: 'rejected', error };
  return {
    result: 'rejected',
    error: new TailraceError(verdict.code, 'Neo4j refused the row.', verdict.sentence),
  };
}
