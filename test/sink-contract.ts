import { anyOrderContract } from './sink-contract-any-order.ts';
import { contentContract } from './sink-contract-contents.ts';
import type { SinkHarness } from './sink-contract-harness.ts';
import { rowContract } from './sink-contract-rows.ts';
import { schemaChangeContract } from './sink-contract-schema-changes.ts';
import { truncateContract } from './sink-contract-truncates.ts';

export type { SinkHarness };

/** Runs the contract of `Sink` against a real store. Everything here holds for every sink. */
export function sinkContract(name: string, harness: SinkHarness): void {
  rowContract(name, harness);
  contentContract(name, harness);
  schemaChangeContract(name, harness);
  anyOrderContract(name, harness);
  truncateContract(name, harness);
}
