import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { invalid } from '../core/config/load.ts';
import { RUNTIME_MAPPING_KEYS, RUNTIME_SINK_KEYS, type SinkConfig } from '../core/config/schema.ts';
import { suggest } from '../core/config/suggest.ts';
import { TailraceError } from '../core/errors.ts';
import { qualifiedName } from '../schemas/table-schema.ts';
import type { SinkContext, SinkModule } from './sink.ts';
import { mappingOf } from './table-mapping.ts';

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
  const parsed = module.options.safeParse(without(RUNTIME_SINK_KEYS, config));
  if (!parsed.success) throw invalid(file, parsed.error, module.options, ['sinks', name]);
  for (const [pattern, entry] of Object.entries(config.mapping)) {
    const own = module.tableOptions.safeParse(without(RUNTIME_MAPPING_KEYS, entry));
    if (!own.success)
      throw invalid(file, own.error, module.tableOptions, ['sinks', name, 'mapping', pattern]);
  }
  return { module, options: parsed.data };
}

/** The `tableOptions` that a module's `create` is given; `mapping` is that of the sink called `name`. */
export function tableOptionsOf<TableOptions>(
  { tableOptions: schema }: Pick<SinkModule<never, TableOptions>, 'tableOptions'>,
  name: string,
  mapping: SinkConfig['mapping'] = {},
): SinkContext<TableOptions>['tableOptions'] {
  const known = new Map<string, TableOptions>();
  return (table) => {
    const id = qualifiedName(table);
    let options = known.get(id);
    if (options === undefined) {
      const parsed = schema.safeParse(without(RUNTIME_MAPPING_KEYS, mappingOf(mapping, table)));
      if (!parsed.success) throw invalid('the config', parsed.error, schema, ['sinks', name, 'mapping', id]);
      known.set(id, (options = parsed.data));
    }
    return options;
  };
}

function without(keys: readonly string[], config: object): object {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !keys.includes(key)));
}
