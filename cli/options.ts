import type { Command } from 'commander';
import { NO_SOURCE } from '../core/config/schema.ts';
import { loadConfig, type LoadedConfig } from '../core/config/load.ts';
import { TailraceError } from '../core/errors.ts';
import { suggest } from '../core/config/suggest.ts';

/** The option that every command with a config has. */
export function withConfig(command: Command): Command {
  return command.option(
    '-c, --config <file>',
    'config file (default: tailrace.yaml, then tailrace.config.ts)',
  );
}

export interface ConfigOption {
  readonly config?: string;
}

export function loadFrom(options: ConfigOption): Promise<LoadedConfig> {
  return loadConfig(options.config);
}

/** The same for a command that asks Postgres. Throws CONFIG_INVALID where the config names no source. */
export async function loadWithSource(options: ConfigOption): Promise<LoadedConfig> {
  const loaded = await loadFrom(options);
  if (loaded.config.source.url !== NO_SOURCE) return loaded;
  throw new TailraceError(
    'CONFIG_INVALID',
    'source: missing, and this command asks Postgres',
    'add source with url and tables; the topics of this pipeline are written by Debezium, so only the sinks run without it',
  );
}

/** The sinks of these names, or all of them. Throws SINK_NOT_FOUND. */
export function selectSinks({ config }: LoadedConfig, names: readonly string[]): string[] {
  const known = Object.keys(config.sinks);
  for (const name of names) {
    if (known.includes(name)) continue;
    throw new TailraceError(
      'SINK_NOT_FOUND',
      `the config has no sink "${name}"${suggest(name, known)}`,
      known.length === 0 ? 'add it under sinks' : `its sinks are: ${known.join(', ')}`,
    );
  }
  return names.length === 0 ? known : [...names];
}
