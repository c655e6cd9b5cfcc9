import type { Operation } from '../schemas/change-event.ts';
import { qualifiedName, type TableSchema } from '../schemas/table-schema.ts';

/** What an event counts as once Kafka has it. */
export interface EventLabel {
  readonly table: string;
  readonly op: Operation;
}

/** Answers the same object for each table and operation, so that labels cost nothing in the stream. */
export function eventLabels(): (table: TableSchema, op: Operation) => EventLabel {
  const byTable = new Map<string, Record<Operation, EventLabel>>();
  return (table, op) => {
    const name = qualifiedName(table);
    let labels = byTable.get(name);
    if (labels === undefined) {
      const of = (letter: Operation) => ({ table: name, op: letter });
      labels = { c: of('c'), u: of('u'), d: of('d'), r: of('r'), t: of('t') };
      byTable.set(name, labels);
    }
    return labels[op];
  };
}
