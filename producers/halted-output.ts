import type { ChangeEvent } from '../schemas/change-event.ts';
import { columnOf, type TableSchema } from '../schemas/table-schema.ts';
import { tableTopic } from '../schemas/topics.ts';
import type { Transform } from '../transforms/transform.ts';
import {
  bindToTable,
  transformedOutput,
  transformOf,
  type TableOutput,
  type WireFormat,
} from './table-output.ts';

/**
 * The way of a table whose present schema the registry refuses. Inserts and updates are written nowhere: the table is read
 * again once it may go on. What that reading cannot show goes on meanwhile, in the last schema that was accepted: deletes,
 * with the key alone, and truncates. Without an accepted schema of the same key, as for a new table, the topic has no rows
 * that they could meet.
 */
export class HaltedOutput implements TableOutput {
  readonly topic: string;
  readonly table: TableSchema;
  readonly #transform: (event: ChangeEvent) => ChangeEvent | null;
  readonly #accepted: TableOutput | null;
  /** Null while the table is halted. */
  #resumed: TableOutput | null = null;

  /** `accepted` writes events of the last accepted schema, after transforms. */
  constructor(
    refused: Pick<TableOutput, 'topic' | 'table'>,
    transform: (event: ChangeEvent) => ChangeEvent | null,
    accepted: TableOutput | null,
  ) {
    this.topic = refused.topic;
    this.table = refused.table;
    this.#transform = transform;
    this.#accepted = accepted !== null && hasSameKey(accepted.table, refused.table) ? accepted : null;
  }

  /** From now on events go this way: those who hold this object need not know. */
  resume(output: TableOutput): void {
    this.#resumed = output;
  }

  encode(captured: ChangeEvent): ReturnType<TableOutput['encode']> {
    if (this.#resumed !== null) return this.#resumed.encode(captured);
    if (this.#accepted === null) return null;
    const event = this.#transform(captured);
    if (event === null || (event.op !== 'd' && event.op !== 't')) return null;
    const before = event.op === 'd' ? event.key : null;
    return this.#accepted.encode({ ...event, table: this.#accepted.table, before });
  }

  headers(event: ChangeEvent): Buffer {
    const way = this.#resumed ?? this.#accepted;
    if (way === null) throw new Error('an event of a halted table was to be written');
    return way.headers(event);
  }
}

/** The output of a table that SCHEMA_INCOMPATIBLE was told of; `accepted` is its last schema (after transforms), if any. */
export async function createHaltedOutput(
  pipeline: string,
  source: TableSchema,
  transforms: readonly Transform[],
  wire: WireFormat,
  acceptedOf: (table: TableSchema) => TableSchema | undefined,
): Promise<HaltedOutput> {
  const bound = bindToTable(transforms, source);
  const { table } = bound;
  const accepted = acceptedOf(table);
  return new HaltedOutput(
    { topic: tableTopic(pipeline, table), table },
    transformOf(bound),
    accepted === undefined ? null : await transformedOutput(pipeline, accepted, wire),
  );
}

function hasSameKey(left: TableSchema, right: TableSchema): boolean {
  const describe = (table: TableSchema) =>
    JSON.stringify(table.key.map((name) => [name, columnOf(table, name).type]));
  return describe(left) === describe(right);
}
