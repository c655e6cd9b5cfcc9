import { softwareFolder } from './cache.ts';
import { logTail, probeFailure } from './daemon.ts';
import { isAlive, memoryBytes } from './process-tree.ts';
import { chooseServers, titleOf } from './servers/all.ts';
import type { Server, ServerName } from './servers/server.ts';
import { instanceOf, type StackOptions } from './stack-control.ts';
import { outsideUrl } from './stack-env.ts';
import { logFile, readState, stackFolder } from './stack-state.ts';

const probeLimitMs = 3_000;

/**
 * `running` answers a client, `silent` runs but does not answer, `crashed` ended by itself, `stopped` was stopped,
 * `absent` was never started in this stack, `outside` is a server that the user runs.
 */
export type ServerCondition = 'running' | 'silent' | 'crashed' | 'stopped' | 'absent' | 'outside';

/** What there is to know of one server of a stack; holds no credentials. */
export interface ServerStatus {
  readonly server: ServerName;
  readonly title: string;
  readonly version: string;
  readonly state: ServerCondition;
  /** host:port for clients; absent before the first start and for outside servers. */
  readonly address?: string;
  readonly pid?: number;
  readonly memoryBytes?: number;
  readonly startedAt?: string;
  readonly dataFolder?: string;
  readonly softwareFolder?: string;
  readonly log?: string;
  /** Why a silent server counts as such. */
  readonly reason?: string;
  /** The last lines of a crashed server's log. */
  readonly logTail?: readonly string[];
}

/** The servers of a stack as they are now; each running one is asked as a client would. */
export async function stackStatus(options: StackOptions = {}): Promise<ServerStatus[]> {
  const stack = stackFolder(options.name ?? 'default');
  return Promise.all(chooseServers(options.only).map((server) => serverStatus(stack, server)));
}

async function serverStatus(stack: string, server: Server): Promise<ServerStatus> {
  const identity = { server: server.name, title: titleOf(server), version: server.version };
  if (outsideUrl(server) !== undefined) return { ...identity, state: 'outside' };
  const state = readState(stack, server.name);
  if (state === undefined) return { ...identity, state: 'absent' };
  const log = state.log ?? logFile(stack, server.name);
  const known = {
    ...identity,
    address: `127.0.0.1:${state.port}`,
    dataFolder: state.home,
    softwareFolder: softwareFolder(server),
    log,
  };
  if (state.process === undefined) return { ...known, state: 'stopped' };
  if (!isAlive(state.process)) return { ...known, state: 'crashed', logTail: logTail(log) };
  const reason = await probeFailure(server, instanceOf(server, state), probeLimitMs);
  const live = {
    ...known,
    pid: state.process.pid,
    memoryBytes: memoryBytes(state.process),
    startedAt: state.startedAt ?? '',
  };
  return reason === undefined ? { ...live, state: 'running' } : { ...live, state: 'silent', reason };
}
