import type { Kafka } from 'kafkajs';
import { TailraceError, withCode } from '../core/errors.ts';
import { readState } from '../core/state.ts';
import { matchesTable } from '../schemas/table-pattern.ts';
import { fingerprintOf, qualifiedName, type TableSchema } from '../schemas/table-schema.ts';
import type { Target } from './sink.ts';
import type { MappedTable, TableMapping } from './table-mapping.ts';

/** The way of one table schema's events into the sink. Its `apply` throws TRANSFORM_FAILED. */
export type SinkRoute = MappedTable;

/** The tables that there are topics of, and the schemas of their events by fingerprint. */
export interface RoutedTables {
  /** Null before there are any. */
  readonly tables:
    | readonly {
        readonly schema: string;
        readonly name: string;
        readonly topic: string;
        /** Of the table's present schema; null while that is not known. */
        readonly fingerprint: string | null;
      }[]
    | null;
  readonly schemas: ReadonlyMap<string, TableSchema>;
}

/** What the producer has written into the pipeline's state topic; throws TABLE_NOT_FOUND where it has no table of a pattern. */
export function tablesOfState(
  kafka: Kafka,
  pipeline: string,
  patterns: readonly string[] = [],
): () => Promise<RoutedTables> {
  let hasStarted = false;
  return async () => {
    const state = await readState(kafka, pipeline);
    // Later on a table may have been dropped, and another may come.
    if (!hasStarted && state.tables !== null) assertMatches(patterns, state.tables);
    hasStarted ||= state.tables !== null;
    return state;
  };
}

/** The topics that a sink reads and what it knows of their schemas. */
export class Routes {
  readonly #readTables: () => Promise<RoutedTables>;
  readonly #patterns: readonly string[] | undefined;
  readonly #mapping: TableMapping;
  #schemas: ReadonlyMap<string, TableSchema> = new Map();
  /** By the fingerprint of the schema before the transforms. */
  readonly #routes = new Map<string, SinkRoute>();
  #topics: readonly string[] = [];
  #current: readonly SinkRoute[] = [];
  /** Ends with the look that was begun last: an older one must not take the place of a newer one. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    readTables: () => Promise<RoutedTables>,
    options: { patterns: readonly string[] | undefined; mapping: TableMapping },
  ) {
    this.#readTables = readTables;
    this.#patterns = options.patterns;
    this.#mapping = options.mapping;
  }

  /** By fingerprint. */
  get schemas(): ReadonlyMap<string, TableSchema> {
    return this.#schemas;
  }

  get topics(): readonly string[] {
    return this.#topics;
  }

  /** The targets of the tables as they are now. */
  get targets(): readonly Target[] {
    return this.#current.map(({ target }) => target);
  }

  /** Looks which tables there are. False while there are none; throws what `readTables` throws. */
  load(): Promise<boolean> {
    return this.#inTurn(() => this.#load());
  }

  /** Looks unless the schemas are known by now, as another partition may have met them too. */
  async loadUnknown(fingerprints: readonly string[]): Promise<void> {
    await this.#inTurn(async () => {
      if (fingerprints.some((fingerprint) => !this.#schemas.has(fingerprint))) await this.#load();
    });
  }

  #inTurn<Result>(look: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(look);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #load(): Promise<boolean> {
    const { tables, schemas } = await this.#readTables();
    if (tables === null) return false;
    const selected = tables.filter(
      (table) => this.#patterns === undefined || matchesTable(this.#patterns, table),
    );
    // They are named by what they say, and a fetch may be about to use one.
    this.#schemas = new Map([...this.#schemas, ...schemas]);
    this.#topics = selected.map(({ topic }) => topic);
    this.#current = selected.flatMap(({ fingerprint, topic }) => {
      if (fingerprint === null) return [];
      const table = schemas.get(fingerprint);
      if (table === undefined) {
        throw new TailraceError(
          'EVENT_UNDECODABLE',
          `the schema of topic ${topic} is not in the state topic`,
          'start the producer once',
        );
      }
      return [this.#route(table, true)];
    });
    assertDistinct(this.targets);
    return true;
  }

  /** The route of a table schema, made at its first event. */
  routeOf(table: TableSchema): SinkRoute {
    return this.#route(table, false);
  }

  #route(table: TableSchema, isPresent: boolean): SinkRoute {
    const known = this.#routes.get(fingerprintOf(table));
    if (known !== undefined) return known;
    const mapped = failing(() => this.#mapping.bind(table, { isPresent }));
    const route: SinkRoute = { target: mapped.target, apply: (event) => failing(() => mapped.apply(event)) };
    this.#routes.set(fingerprintOf(table), route);
    return route;
  }
}

/** Two tables in one target would overwrite each other's rows. */
function assertDistinct(targets: readonly Target[]): void {
  const first = new Map<string, Target>();
  for (const target of targets) {
    const other = first.get(target.name);
    if (other !== undefined)
      throw new TailraceError(
        'CONFIG_INVALID',
        `${qualifiedName(other.table)} and ${qualifiedName(target.table)} would both be ${target.name} in the store`,
        'give one of them another name with mapping.<table>.name of the sink',
      );
    first.set(target.name, target);
  }
}

function assertMatches(
  patterns: readonly string[],
  tables: readonly { readonly schema: string; readonly name: string }[],
): void {
  const pattern = patterns.find((each) => !tables.some((table) => matchesTable([each], table)));
  if (pattern === undefined) return;
  throw new TailraceError(
    'TABLE_NOT_FOUND',
    `no captured table matches ${pattern}`,
    `captured are: ${tables.map(qualifiedName).join(', ')}; widen source.tables or mend the sink's tables`,
  );
}

function failing<Result>(call: () => Result): Result {
  try {
    return call();
  } catch (error) {
    throw withCode(
      'TRANSFORM_FAILED',
      error,
      'mend the transform or its options; the sink goes on from here',
    );
  }
}
