import { Command, CommanderError } from 'commander';
import { formatError, TailraceError } from '../core/errors.ts';
import { VERSION } from '../schemas/envelope.ts';
import { configCommand } from './config.ts';
import { doctorCommand } from './doctor.ts';
import { lagCommand } from './lag.ts';
import { answerToOwnName } from './own-name.ts';
import { planCommand } from './plan.ts';
import { queryCommand } from './query.ts';
import { runCommand } from './run.ts';
import { setupCommand } from './setup.ts';
import { slotCommand } from './slot.ts';
import { snapshotCommand } from './snapshot.ts';
import { endProcess, watchStandardStreams } from './standard-streams.ts';
import { statusCommand } from './status.ts';
import { typesCommand } from './types.ts';

const EXIT_CODES = `
Exit codes: 0 ok, 1 failure, 2 usage or config, 3 not found, 4 auth or permission, 5 conflict, 6 preflight failed,
7 position lost, 130 interrupted, 141 nobody reads the output any more. Errors are explained in docs/errors.md.`;

const program = new Command('tailrace')
  .description(
    'Change data capture: Postgres to Elasticsearch, ClickHouse, MongoDB, Redis and Neo4j through Kafka',
  )
  .version(VERSION)
  .showSuggestionAfterError()
  .showHelpAfterError('(add --help for usage and examples)')
  .addHelpText('after', EXIT_CODES)
  .exitOverride();

for (const command of [
  runCommand(),
  statusCommand(),
  lagCommand(),
  doctorCommand(),
  snapshotCommand(),
  setupCommand(),
  planCommand(),
  typesCommand(),
  queryCommand(),
  slotCommand(),
  configCommand(),
]) {
  program.addCommand(command);
}

/** Commander's errors are errors of usage; its help and version are none. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  process.stderr.write(formatError(error));
  return error instanceof TailraceError ? error.exitCode : 1;
}

watchStandardStreams();
answerToOwnName();
try {
  for (const command of program.commands) inheritExit(command);
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}
await endProcess();

function inheritExit(command: Command): void {
  command.exitOverride().showHelpAfterError('(add --help for usage and examples)');
  for (const child of command.commands) inheritExit(child);
}
