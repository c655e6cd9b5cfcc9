import type { Metrics } from '../core/metrics.ts';
import type { ChangeEvent, Operation } from '../schemas/change-event.ts';
import { qualifiedName, type TableSchema } from '../schemas/table-schema.ts';
import type { WriteOutcome } from './sink.ts';

type Result = Exclude<WriteOutcome['result'], 'rejected'> | 'filtered';

interface Count {
  readonly table: TableSchema;
  readonly op: Operation;
  readonly result: Result;
  events: number;
}

/** What became of the events of one bulk request. A counter's label is far dearer than a number, so they are added at its end. */
export class EventCounts {
  readonly #counts: Count[] = [];
  /** Mostly it is that of the event before. */
  #last: Count | null = null;

  add({ table, op }: ChangeEvent, result: Result): void {
    const isSame = (count: Count) => count.table === table && count.op === op && count.result === result;
    if (this.#last === null || !isSame(this.#last)) {
      this.#last = this.#counts.find(isSame) ?? { table, op, result, events: 0 };
      if (this.#last.events === 0) this.#counts.push(this.#last);
    }
    this.#last.events += 1;
  }

  addTo(counter: Metrics['sinkEvents'], sink: string): void {
    for (const { table, op, result, events } of this.#counts)
      counter.inc({ sink, table: qualifiedName(table), op, result }, events);
  }
}
