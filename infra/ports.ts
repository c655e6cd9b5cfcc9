import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { allPids } from './process-tree.ts';
import { StackError, exitCodes } from './stack-error.ts';

/** What is known when a server's port is chosen; the first that is set and usable wins, in this order. */
export interface PortWishes {
  /** The user's own choice, and where it was made (for the error). */
  readonly explicit?: { readonly port: number; readonly from: string } | undefined;
  /** The port that the server had last time. */
  readonly remembered?: number | undefined;
  /** The port that everybody expects the server at. */
  readonly wellKnown?: number | undefined;
}

/**
 * Below the range from which the system takes ports for outgoing connections: a client that keeps dialing a dead
 * server on a port of that range can be connected to itself, and then the server cannot come back.
 */
const freeRange = { from: 20_000, to: 29_999 };

/**
 * Chooses a port on 127.0.0.1 and adds it to `taken`. An explicit port that is in use is an error (exit 5) that names its
 * holder; the others give way to a free one.
 */
export async function choosePort(
  wishes: PortWishes,
  taken: Set<number>,
  isFree = isPortFree,
): Promise<number> {
  if (wishes.explicit !== undefined) {
    const { port, from } = wishes.explicit;
    if (taken.has(port) || !(await isFree(port))) throw portInUse(port, from);
    taken.add(port);
    return port;
  }
  for (const port of candidates(wishes)) {
    if (taken.has(port)) continue;
    taken.add(port);
    if (await isFree(port)) return port;
  }
  throw new Error('no free port found');
}

/** The user's port for a server from TAILRACE_<SERVER>_PORT. */
export function explicitPort(server: string, env = process.env): PortWishes['explicit'] {
  const from = `TAILRACE_${server.toUpperCase()}_PORT`;
  const text = env[from];
  if (text === undefined || text === '') return undefined;
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return { port, from };
  throw new StackError(
    'USAGE',
    exitCodes.usage,
    `${from}=${text} is no port`,
    'give a number from 1 to 65535',
  );
}

/** Whether nothing listens on the port of 127.0.0.1. */
export async function isPortFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const listener = createServer();
  listener.once('error', () => resolve(false));
  listener.listen({ port, host: '127.0.0.1', exclusive: true }, () => listener.close(() => resolve(true)));
  return promise;
}

/**
 * Waits until nothing listens on the port, at most so long. A killed process with many threads is gone from the list of
 * processes a moment before the system closes its sockets.
 */
export async function untilPortIsFree(port: number, limitMs: number): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await isPortFree(port)) && performance.now() < deadline) await sleep(20);
}

/** `PID (command)` of the process that listens on the port, where this user may know it. */
export function portHolder(port: number): string | undefined {
  const inodes = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => listenersIn(table, port)));
  const pid = allPids().find((candidate) => socketsOf(candidate).some((inode) => inodes.has(inode)));
  if (pid === undefined) return undefined;
  return `process ${pid} (${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()})`;
}

function* candidates(wishes: PortWishes): Generator<number> {
  if (wishes.remembered !== undefined) yield wishes.remembered;
  if (wishes.wellKnown !== undefined) yield wishes.wellKnown;
  const size = freeRange.to - freeRange.from + 1;
  const start = Math.floor(Math.random() * size);
  for (let step = 0; step < size; step++) yield freeRange.from + ((start + step) % size);
}

function portInUse(port: number, from: string): StackError {
  const holder = portHolder(port) ?? 'another process';
  return new StackError(
    'PORT_IN_USE',
    exitCodes.conflict,
    `port ${port} (from ${from}) is in use by ${holder}`,
    `stop ${holder}, or choose another port with ${from}`,
  );
}

function listenersIn(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const listening = '0A';
  return readLines(table)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(suffix) === true && fields[3] === listening)
    .map((fields) => fields[9] ?? '');
}

function socketsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
        return inode === undefined ? [] : [inode];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}
