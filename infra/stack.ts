import { parseArgs } from 'node:util';
import { indented } from './daemon.ts';
import { resetStack, stackEnv, startStack, stopStack, type StackOptions } from './stack-control.ts';
import { StackError, exitCodes, reasonOf } from './stack-error.ts';
import { renderExports } from './stack-env.ts';
import { stackStatus, type ServerStatus } from './stack-status.ts';

const help = `usage: npm run stack -- COMMAND [--name NAME] [--only a,b] [--json]

The local stack: real servers without containers, on 127.0.0.1.

commands
  up       download what is missing, start what does not run, wait until each server answers
  down     stop the servers cleanly; their data stays
  reset    down, then delete the data
  status   state, address, pid, memory, version and data folder of each server
  env      shell lines that set DATABASE_URL, KAFKA_BROKERS and so on

options
  --name NAME   another stack beside the default one, with its own ports and data
  --only a,b    these servers only: postgres kafka registry elasticsearch clickhouse mongodb redis neo4j
  --json        the result as JSON on standard output
  --help        this text

variables
  TAILRACE_<SERVER>_PORT   the port of a server
  TAILRACE_CACHE           the folder for downloads
  TAILRACE_STACK_DIR       the folder for the data of all stacks
  TAILRACE_JAVA_HOME       the Java to use
  TEST_<SERVER>_URL        a server of your own instead of the stack's

examples
  npm run stack -- up --only postgres,kafka,redis
  npm run stack -- up --name second
  eval "$(npm run --silent stack -- env)"
`;

interface Request extends StackOptions {
  readonly json: boolean;
}

const commands: Readonly<Record<string, (request: Request) => Promise<void>>> = {
  async up(request) {
    await startStack(request);
    if (request.json) await status(request);
  },
  async down(request) {
    await stopStack(request);
    if (request.json) await status(request);
  },
  async reset(request) {
    await resetStack(request);
    if (request.json) await status(request);
  },
  status,
  async env(request) {
    const env = stackEnv(request);
    if (Object.keys(env).length === 0) throw nothingRuns(request);
    process.stdout.write(request.json ? `${JSON.stringify(env, null, 2)}\n` : renderExports(env));
  },
};

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  try {
    const { values, positionals } = parse(args);
    if (values.help) {
      process.stdout.write(help);
      return 0;
    }
    const [name = '', ...rest] = positionals;
    const command = commands[name];
    if (command === undefined || rest.length > 0) throw usage(`"${positionals.join(' ')}" is no command`);
    await command({
      name: values.name,
      only: values.only?.split(',').filter((server) => server !== ''),
      json: values.json,
      onProgress: (line) => process.stderr.write(`${line}\n`),
    });
    return 0;
  } catch (thrown) {
    return report(thrown);
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        name: { type: 'string' },
        only: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (thrown) {
    throw usage(reasonOf(thrown));
  }
}

async function status(request: Request): Promise<void> {
  const servers = await stackStatus(request);
  process.stdout.write(
    request.json
      ? `${JSON.stringify({ stack: request.name ?? 'default', servers }, null, 2)}\n`
      : servers.map(statusLine).join(''),
  );
}

function statusLine(server: ServerStatus): string {
  const { title, state, address = '', pid = '', memoryBytes, version, dataFolder = '' } = server;
  const memory = memoryBytes === undefined ? '' : `${Math.round(memoryBytes / 2 ** 20)} MB`;
  const columns = [
    title.padEnd(30),
    state.padEnd(9),
    address.padEnd(16),
    String(pid).padEnd(8),
    memory.padEnd(8),
  ];
  const line = `${columns.join(' ')} ${version.padEnd(16)} ${dataFolder}`.trimEnd();
  const why = [...(server.reason === undefined ? [] : [server.reason]), ...(server.logTail ?? [])];
  return why.length === 0 ? `${line}\n` : `${line}\n${indented(why)}\n`;
}

function report(thrown: unknown): number {
  if (thrown instanceof StackError) {
    process.stderr.write(`error ${thrown.code}: ${thrown.message}\n  fix: ${thrown.fix}\n`);
    return thrown.exitCode;
  }
  process.stderr.write(`error INTERNAL: ${reasonOf(thrown)}\n`);
  return exitCodes.failure;
}

function nothingRuns(request: Request): StackError {
  const up = `npm run stack -- up${request.name === undefined ? '' : ` --name ${request.name}`}`;
  return new StackError('STACK_NOT_UP', 3, 'no server of this stack is up', `start it: ${up}`);
}

function usage(message: string): StackError {
  return new StackError('USAGE', exitCodes.usage, message, 'see npm run stack -- --help');
}
