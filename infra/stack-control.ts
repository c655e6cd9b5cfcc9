import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { installServer, softwareFolder } from './cache.ts';
import { awaitReady, launch } from './daemon.ts';
import { withLock } from './lock.ts';
import { checkRequirements, inspectMachine } from './machine.ts';
import { choosePort, explicitPort, isPortFree, untilPortIsFree, type PortWishes } from './ports.ts';
import { isAlive, processEnd, stopProcess } from './process-tree.ts';
import { chooseServers, serverNamed, titleOf } from './servers/all.ts';
import type { Instance, Machine, Server, ServerName } from './servers/server.ts';
import { StackError, toError } from './stack-error.ts';
import { outsideUrl } from './stack-env.ts';
import {
  deleteServer,
  homeFor,
  logFile,
  makeHome,
  makeStackFolder,
  readState,
  removeIfEmpty,
  stackFolder,
  writeState,
  type ServerState,
} from './stack-state.ts';

const stopLimitMs = 30_000;
const PORT_LIMIT_MS = 5_000;
const defaultName = 'default';

/** Which stack, which of its servers (all when absent), and who is told of progress, a line at a time. */
export interface StackOptions {
  readonly name?: string | undefined;
  readonly only?: readonly string[] | undefined;
  readonly onProgress?: ((line: string) => void) | undefined;
}

/** A stack that is up: the variables to reach its servers, and which they are. */
export interface RunningStack {
  /** DATABASE_URL, KAFKA_BROKERS and so on, with credentials in the URLs. */
  readonly env: Record<string, string>;
  readonly servers: readonly ServerName[];
}

interface Start {
  readonly stack: string;
  readonly machine: Machine;
  readonly wishes: PortWishes;
  /** Ports that other servers of the same command have chosen. */
  readonly taken: Set<number>;
  readonly onProgress: (line: string) => void;
}

/**
 * Starts the servers that do not run yet, side by side, and returns when each answers a client. Servers that the user
 * names in TEST_<SERVER>_URL are left to the user. When one fails the others are still brought up and stay up.
 */
export async function startStack(options: StackOptions = {}): Promise<RunningStack> {
  const name = options.name ?? defaultName;
  const stack = stackFolder(name);
  const chosen = chooseServers(options.only);
  const onProgress = options.onProgress ?? (() => {});
  const own = chosen.filter((server) => outsideUrl(server) === undefined);
  const toStart = own.filter((server) => !isRunning(stack, server));
  const machine = await inspectMachine(toStart);
  checkRequirements(
    machine,
    toStart,
    toStart.filter((server) => !existsSync(softwareFolder(server))),
  );
  await checkExplicitPorts(toStart);
  makeStackFolder(stack);
  const taken = new Set<number>();
  await allOrFirstFailure(
    own.map((server) => {
      const wellKnown = name === defaultName ? server.defaultPort : undefined;
      const wishes = { explicit: explicitPort(server.name), wellKnown };
      return bringUp(server, { stack, machine, wishes, taken, onProgress });
    }),
  );
  return {
    env: stackEnv({ name, only: chosen.map((server) => server.name) }),
    servers: chosen.map((s) => s.name),
  };
}

/** Starts one stopped or crashed server of a stack again, with the port and the data that it had. */
export async function startServer(name: string, server: ServerName): Promise<void> {
  const stack = stackFolder(name);
  const chosen = serverNamed(server);
  const port = readState(stack, server)?.port;
  const explicit = port === undefined ? undefined : { port, from: `the stack "${name}"` };
  const machine = await inspectMachine([chosen]);
  makeStackFolder(stack);
  await bringUp(chosen, { stack, machine, wishes: { explicit }, taken: new Set(), onProgress: () => {} });
}

/** Stops the servers cleanly and waits until they are gone; their data stays. */
export async function stopStack(options: StackOptions = {}): Promise<void> {
  const name = options.name ?? defaultName;
  await allOrFirstFailure(
    chooseServers(options.only).map(async (server) => {
      if (await stopServer(name, server.name)) options.onProgress?.(`${titleOf(server)}: stopped`);
    }),
  );
}

/**
 * Stops one server and waits until it is gone, with its data kept; false when it did not run. With SIGKILL it dies at
 * once with all its processes, as in a power cut.
 */
export async function stopServer(
  name: string,
  server: ServerName,
  signal?: NodeJS.Signals,
): Promise<boolean> {
  const stack = stackFolder(name);
  if (readState(stack, server) === undefined) return false;
  return withLock(
    lockFile(stack, server),
    () => {},
    async () => {
      const state = readState(stack, server);
      if (state?.process === undefined) return false;
      const { process: running, ...stopped } = state;
      const wasAlive = isAlive(running);
      await stopProcess(running, signal ?? serverNamed(server).stopSignal ?? 'SIGTERM', stopLimitMs);
      writeState(stack, server, stopped);
      return wasAlive;
    },
  );
}

/** Stops the servers and deletes their data, logs, ports and passwords. Downloads stay. */
export async function resetStack(options: StackOptions = {}): Promise<void> {
  await stopStack(options);
  const stack = stackFolder(options.name ?? defaultName);
  for (const server of chooseServers(options.only)) deleteServer(stack, server.name);
  removeIfEmpty(stack);
}

/** The variables of the servers that are up or that the user runs. */
export function stackEnv(options: StackOptions = {}): Record<string, string> {
  const stack = stackFolder(options.name ?? defaultName);
  const env: Record<string, string> = {};
  for (const server of chooseServers(options.only)) {
    const state = readState(stack, server.name);
    const own = state?.process === undefined ? undefined : server.url(instanceOf(server, state));
    const url = outsideUrl(server) ?? own;
    if (url !== undefined) env[server.variable] = url;
  }
  return env;
}

/** The running form of what is remembered of a server. */
export function instanceOf(server: Server, state: ServerState, account?: Instance['account']): Instance {
  const { home, port, innerPort, password } = state;
  return { software: softwareFolder(server), home, port, innerPort, password, account };
}

async function bringUp(server: Server, start: Start): Promise<void> {
  const startedMs = Date.now();
  const onWait = (pid: number) => start.onProgress(`${server.name}: process ${pid} is busy with it, waiting`);
  const outcome = await withLock(lockFile(start.stack, server.name), onWait, async () => {
    const state = readState(start.stack, server.name);
    if (state?.process !== undefined && isAlive(state.process)) {
      const instance = instanceOf(server, state, start.machine.account);
      await awaitReady(server, instance, state.process, logFile(start.stack, server.name));
      return { port: state.port, what: 'already up' };
    }
    if (state?.process !== undefined) start.onProgress(`${server.name}: it had crashed, starting it again`);
    return { port: await startProcess(server, state, start), what: 'ready' };
  });
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  start.onProgress(`${titleOf(server)}: ${outcome.what} at 127.0.0.1:${outcome.port} (${seconds} s)`);
}

async function startProcess(server: Server, before: ServerState | undefined, start: Start): Promise<number> {
  const { stack, machine, taken, onProgress } = start;
  await installServer(server, machine, onProgress);
  // The server itself may have died just now.
  if (before !== undefined) await untilPortIsFree(before.port, PORT_LIMIT_MS);
  const state: ServerState = {
    version: server.version,
    port: await choosePort({ ...start.wishes, remembered: before?.port }, taken),
    innerPort: await choosePort({ remembered: before?.innerPort }, taken),
    password: before?.password ?? randomBytes(12).toString('hex'),
    home: before?.home ?? homeFor(stack, server.name, machine.account),
  };
  makeHome(state.home, machine.account);
  writeState(stack, server.name, state);
  const instance = instanceOf(server, state, machine.account);
  const command = await server.command(instance, machine);
  const log = logFile(stack, server.name);
  const startedAt = new Date().toISOString();
  const { pidFile, log: ownLog } = command;
  const started = { ...state, startedAt, ...(pidFile && { pidFile }), ...(ownLog && { log: ownLog }) };
  const launched = launch(command, instance, log);
  // Written at once, so that a stack whose start is interrupted can still be stopped.
  writeState(stack, server.name, { ...started, process: launched });
  if (pidFile !== undefined) await processEnd(launched);
  const running = readState(stack, server.name)?.process ?? launched;
  writeState(stack, server.name, { ...started, process: running });
  await awaitReady(server, instance, running, log);
  return state.port;
}

/** Fails before anything is downloaded or started when a port that the user chose is in use. */
async function checkExplicitPorts(servers: readonly Server[]): Promise<void> {
  const taken = new Set<number>();
  for (const server of servers) {
    const explicit = explicitPort(server.name);
    if (explicit !== undefined) await choosePort({ explicit }, taken, isPortFree);
  }
}

/** Waits for all; then throws what failed, as one error when there are several. */
async function allOrFirstFailure(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failures = results.flatMap((result) =>
    result.status === 'rejected' ? [toError(result.reason)] : [],
  );
  const [first] = failures;
  if (first === undefined) return;
  if (failures.length === 1 || !(first instanceof StackError)) throw first;
  const messages = failures.map((failure) => failure.message).join('\n');
  throw new StackError(first.code, first.exitCode, messages, first.fix);
}

function isRunning(stack: string, server: Server): boolean {
  const running = readState(stack, server.name)?.process;
  return running !== undefined && isAlive(running);
}

function lockFile(stack: string, server: ServerName): string {
  return `${stack}/${server}.lock`;
}
