import { auth, driver as createDriver } from 'neo4j-driver';
import { TailraceError } from '../../core/errors.ts';
import type { Sink, SinkContext, Target, Write, WriteOutcome } from '../sink.ts';
import { applyWrites } from './apply.ts';
import { addressOf, type Neo4jOptions } from './config.ts';
import { classify } from './errors.ts';
import { joinedTarget } from './joined-target.ts';
import { layoutsOf, type Layout } from './layout.ts';
import { graphWriteOf, type GraphWrite } from './mapping.ts';
import { dropFormerEdges } from './former-edges.ts';
import { linkStoredRows, prepareLayouts } from './prepare.ts';
import { inTransaction } from './transaction.ts';
import { truncateTarget } from './truncate.ts';

/** More rows a transaction are hardly faster and need more of the server's heap. */
const ROWS_PER_TRANSACTION = 2000;

/** Rows as nodes, foreign keys as relationships. See README.md for the layout and the rules. */
export function createNeo4jSink(options: Neo4jOptions, { log }: SinkContext): Sink {
  const { url, username, password } = addressOf(options);
  const driver = createDriver(url, auth.basic(username, password), {
    connectionTimeout: 5000,
    connectionAcquisitionTimeout: 10_000,
    // Retrying is the runtime's work.
    maxTransactionRetryTime: 0,
    useBigInt: true,
    userAgent: 'tailrace',
  });
  const database = { driver, name: options.database, log };
  const targets = new Map<string, Target>();
  const linked = new Set<string>();
  let layouts: ReadonlyMap<string, Layout> = new Map();

  async function prepare(wanted: readonly Target[]): Promise<void> {
    const all = new Map(targets);
    for (const target of wanted) all.set(target.name, joinedTarget(all.get(target.name), target));
    const next = layoutsOf([...all.values()]);
    // A new target can change how others are stored, so all of them are looked at.
    await prepareLayouts(database, [...next.values()]);
    for (const target of all.values()) targets.set(target.name, target);
    layouts = next;
    await moveStoredEdges();
  }

  async function moveStoredEdges(): Promise<void> {
    for (const layout of layouts.values()) {
      if (layout.shape !== 'node') continue;
      if (await dropFormerEdges(database, layout)) linked.clear();
      for (const edge of layout.edges) {
        const name = JSON.stringify([layout.label, edge]);
        if (linked.has(name)) continue;
        await linkStoredRows(database, layout, edge);
        linked.add(name);
      }
    }
  }

  /** What another process of this sink has prepared is not known here yet. */
  async function prepareUnknown(wanted: readonly Target[]): Promise<void> {
    const unknown = wanted.filter(({ name }) => !layouts.has(name));
    if (unknown.length > 0) await prepare(unknown);
  }

  async function write(writes: readonly Write[]): Promise<readonly WriteOutcome[]> {
    await prepareUnknown(writes.map(({ target }) => target));
    const mapped = writes.map(mapOrReject);
    const sent = mapped.filter((one): one is GraphWrite => !('result' in one));
    const exceptions = new Map<string, WriteOutcome>();
    for (let first = 0; first < sent.length; first += ROWS_PER_TRANSACTION)
      await writeChunk(sent.slice(first, first + ROWS_PER_TRANSACTION), exceptions);
    return mapped.map((one) => ('result' in one ? one : (exceptions.get(one.id) ?? { result: 'applied' })));
  }

  /** Notes every write that was not applied. Halves a chunk that the server refuses, until the bad row stands alone. */
  async function writeChunk(
    chunk: readonly GraphWrite[],
    exceptions: Map<string, WriteOutcome>,
  ): Promise<void> {
    const [first, ...more] = chunk;
    if (first === undefined) return;
    try {
      const stale = await inTransaction(driver, options.database, (transaction) =>
        applyWrites(transaction, layouts, chunk),
      );
      for (const id of stale) exceptions.set(id, { result: 'stale' });
    } catch (error) {
      if (more.length === 0) exceptions.set(first.id, rejected(error));
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
      await truncateTarget(database, layoutOf(layouts, target.name), position);
    },
    close: () => driver.close(),
  };
}

function layoutOf(layouts: ReadonlyMap<string, Layout>, name: string): Layout {
  const layout = layouts.get(name);
  if (layout === undefined) throw new RangeError(`the target ${name} was not prepared`);
  return layout;
}

function mapOrReject(write: Write): GraphWrite | WriteOutcome {
  try {
    return graphWriteOf(write);
  } catch (error) {
    return rejected(error);
  }
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
