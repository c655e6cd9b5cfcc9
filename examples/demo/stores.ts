import type { Sides } from '../equality/session.ts';
import type { DemoRun } from './run.ts';

/** What the comparison reads: the same servers as the workers, through the comparison's own code. */
export function sidesOf({ example, loaded }: DemoRun): Sides {
  const { config } = loaded;
  return {
    postgresUrl: config.source.url,
    tables: example.tables,
    stores: Object.fromEntries(
      Object.entries(config.sinks).map(([name, sink]) => [
        name,
        { type: sink.type, url: String(sink['url']) } as Sides['stores'][string],
      ]),
    ),
  };
}
