import { Command } from 'commander';
import { stringify } from 'yaml';
import { z } from 'zod';
import { withCode } from '../core/errors.ts';
import type { LoadedConfig } from '../core/config/load.ts';
import { configSchema } from '../core/config/schema.ts';
import { redact } from '../core/config/redact.ts';
import { configureSink } from '../consumers/load-sink.ts';
import { loadTransforms } from '../transforms/load.ts';
import { loadFrom, withConfig, type ConfigOption } from './options.ts';

export function configCommand(): Command {
  const command = new Command('config').description('check, show or describe the config');
  command.addCommand(
    withConfig(new Command('validate'))
      .description('check the whole config, sinks and transforms included, without connecting to anything')
      .action(async (options: ConfigOption) => {
        const loaded = await loadFrom(options);
        await checkTransforms(loaded, loaded.config.source.transforms);
        for (const [name, sink] of Object.entries(loaded.config.sinks)) {
          await configureSink(loaded.file, name, sink);
          await checkTransforms(loaded, sink.transforms);
        }
        process.stdout.write(`${loaded.file} is valid: ${Object.keys(loaded.config.sinks).length} sinks\n`);
      }),
  );
  command.addCommand(
    withConfig(new Command('show'))
      .description('print the config with defaults and variables filled in and secrets hidden')
      .option('--json', 'as JSON')
      .action(async (options: ConfigOption & { json?: boolean }) => {
        const shown = redact((await loadFrom(options)).config);
        process.stdout.write(
          options.json === true ? `${JSON.stringify(shown, null, 2)}\n` : stringify(shown),
        );
      }),
  );
  command.addCommand(
    new Command('schema').description('print the JSON Schema of the config, for editors').action(() => {
      process.stdout.write(`${JSON.stringify(z.toJSONSchema(configSchema, { io: 'input' }), null, 2)}\n`);
    }),
  );
  return command;
}

async function checkTransforms(
  { folder }: LoadedConfig,
  entries: readonly Record<string, unknown>[],
): Promise<void> {
  try {
    await loadTransforms(entries, folder);
  } catch (error) {
    throw withCode('CONFIG_INVALID', error, 'mend the transforms in the config');
  }
}
