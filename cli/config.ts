import { Command } from 'commander';
import { stringify } from 'yaml';
import { z } from 'zod';
import { ERROR_CODES, formatError, withCode, type TailraceError } from '../core/errors.ts';
import type { LoadedConfig } from '../core/config/load.ts';
import { configSchema } from '../core/config/schema.ts';
import { redact } from '../core/config/redact.ts';
import { configureSink } from '../consumers/load-sink.ts';
import { loadMapping } from '../consumers/table-mapping.ts';
import { loadTransforms } from '../transforms/load.ts';
import { loadFrom, withConfig, type ConfigOption } from './options.ts';

export function configCommand(): Command {
  const command = new Command('config').description('check, show or describe the config');
  command.addCommand(
    withConfig(new Command('validate'))
      .description('check the whole config, sinks and transforms included, without connecting to anything')
      .action(async (options: ConfigOption) => {
        const loaded = await loadFrom(options);
        const problems = await problemsOf(loaded);
        for (const problem of problems) process.stderr.write(formatError(problem));
        if (problems.length > 0) process.exitCode = ERROR_CODES.CONFIG_INVALID;
        else
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

/** The mistakes of a config whose common keys are right: those of the source's transforms and of each sink. */
async function problemsOf(loaded: LoadedConfig): Promise<TailraceError[]> {
  const { file, folder, config } = loaded;
  const checks = [
    checkSourceTransforms(loaded),
    ...Object.entries(config.sinks).flatMap(([name, sink]) => [
      configureSink(file, name, sink),
      loadMapping(name, sink, folder),
    ]),
  ];
  const results = await Promise.allSettled<unknown>(checks);
  return results.flatMap((result) =>
    result.status === 'fulfilled' ? [] : [withCode('CONFIG_INVALID', result.reason, 'mend the config')],
  );
}

async function checkSourceTransforms({ config, folder }: LoadedConfig): Promise<void> {
  try {
    await loadTransforms(config.source.transforms, folder);
  } catch (error) {
    throw withCode('CONFIG_INVALID', error, 'mend source.transforms in the config');
  }
}
