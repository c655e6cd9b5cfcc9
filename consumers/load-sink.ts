import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { invalid } from '../core/config/load.ts';
import { RUNTIME_SINK_KEYS, type SinkConfig } from '../core/config/schema.ts';
import { suggest } from '../core/config/suggest.ts';
import { TailraceError } from '../core/errors.ts';
import type { SinkModule } from './sink.ts';

/** The store types: every folder here that has an `index.ts`. A sixth store is one more folder. */
export function sinkTypes(): string[] {
  return readdirSync(import.meta.dirname, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(import.meta.dirname, entry.name, 'index.ts')))
    .map((entry) => entry.name)
    .sort();
}

/** A sink's module and its checked options. Only the drivers that a config names are loaded. */
export interface ConfiguredSink {
  readonly module: SinkModule;
  readonly options: unknown;
}

/** Loads the module of a sink's type and checks the sink's own keys. Throws CONFIG_INVALID. */
export async function configureSink(file: string, name: string, config: SinkConfig): Promise<ConfiguredSink> {
  const types = sinkTypes();
  if (!types.includes(config.type)) {
    throw new TailraceError(
      'CONFIG_INVALID',
      `${file}: sinks.${name}.type: there is no store type "${config.type}"${suggest(config.type, types)}`,
      `use one of: ${types.join(', ')}`,
    );
  }
  const { sink: module } = (await import(`./${config.type}/index.ts`)) as { sink: SinkModule };
  const own = Object.entries(config).filter(
    ([key]) => !(RUNTIME_SINK_KEYS as readonly string[]).includes(key),
  );
  const parsed = module.options.safeParse(Object.fromEntries(own));
  if (!parsed.success) throw invalid(file, parsed.error, module.options, ['sinks', name]);
  return { module, options: parsed.data };
}
