import { TailraceError } from '../core/errors.ts';

/**
 * What a member reads between two rebalances of its group. kafkajs begins at a default offset where the one to read next is
 * gone from the topic, and tells nobody; here every fetch must begin where the one before it ended.
 */
export class Generation {
  #number = 0;
  /** By topic and partition the offset that is read next. */
  readonly #next = new Map<string, bigint>();

  /** Changes with each rebalance. */
  get number(): number {
    return this.#number;
  }

  /** The group was divided anew: partitions came and went, and are read from their committed offsets. */
  begin(): void {
    this.#number += 1;
    this.#next.clear();
  }

  /** Throws POSITION_LOST where records were removed between the last fetch and one that begins at this offset. */
  assertFollows(topic: string, partition: number, offset: bigint): void {
    const next = this.#next.get(`${topic}/${partition}`);
    if (next === undefined || next === offset) return;
    throw new TailraceError(
      'POSITION_LOST',
      `topic ${topic}, partition ${partition}, was read up to offset ${next}, and Kafka goes on at ${offset}`,
      'records were removed before they were read, by retention or by hand, or the topic was made anew. To apply what the topic holds, ' +
        'start the sink again; rows that were changed or deleted in between stay as they are until a rebuild',
    );
  }

  /** Notes where a fetch ended; nothing where the generation that it came in is over. */
  passed(generation: number, topic: string, partition: number, nextOffset: bigint): void {
    if (generation === this.#number) this.#next.set(`${topic}/${partition}`, nextOffset);
  }
}
