import { tableOptionsOf as ofConfig } from '../consumers/load-sink.ts';
import type { SinkContext, SinkModule } from '../consumers/sink.ts';

type Mapping = Parameters<typeof ofConfig>[2];

/** What a sink in a test is given as `tableOptions`: those of this `mapping`, or the defaults. */
export function tableOptionsOf<TableOptions>(
  module: Pick<SinkModule<never, TableOptions>, 'tableOptions'>,
  name: string,
  mapping?: Mapping,
): SinkContext<TableOptions>['tableOptions'] {
  return ofConfig(module, name, mapping);
}
