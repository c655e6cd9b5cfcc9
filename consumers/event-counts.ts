import type { Metrics } from '../core/metrics.ts';
import type { ChangeEvent, Operation } from '../schemas/change-event.ts';
import { qualifiedName, type TableSchema } from '../schemas/table-schema.ts';
import type { WriteOutcome } from './sink.ts';

type Result = Exclude<WriteOutcome['result'], 'rejected'> | 'filtered';

/** What became of the events of one bulk request. A counter's label is far dearer than a number, so they are added at its end. */
export class EventCounts {
  readonly #byTable = new Map<TableSchema, Map<string, { op: Operation; result: Result; events: number }>>();

  add({ table, op }: ChangeEvent, result: Result): void {
    let counts = this.#byTable.get(table);
    if (counts === undefined) this.#byTable.set(table, (counts = new Map()));
    const known = counts.get(op + result);
    if (known === undefined) counts.set(op + result, { op, result, events: 1 });
    else known.events += 1;
  }

  addTo(counter: Metrics['sinkEvents'], sink: string): void {
    for (const [table, counts] of this.#byTable)
      for (const { op, result, events } of counts.values())
        counter.inc({ sink, table: qualifiedName(table), op, result }, events);
  }
}
