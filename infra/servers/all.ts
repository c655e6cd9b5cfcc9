import { StackError, exitCodes } from '../stack-error.ts';
import { clickhouse } from './clickhouse.ts';
import { elasticsearch } from './elasticsearch.ts';
import { kafka } from './kafka.ts';
import { mongodb } from './mongodb.ts';
import { neo4j } from './neo4j.ts';
import { postgres } from './postgres.ts';
import { redis } from './redis.ts';
import { registry } from './registry.ts';
import type { Server } from './server.ts';

/** Every server of the stack, in the order in which they are shown. */
export const allServers: readonly Server[] = [
  postgres,
  kafka,
  registry,
  elasticsearch,
  clickhouse,
  mongodb,
  redis,
  neo4j,
];

/** The servers with these names; all of them when no name is given. */
export function chooseServers(names: readonly string[] | undefined): readonly Server[] {
  if (names === undefined) return allServers;
  return names.map(serverNamed);
}

/** The server with this name. */
export function serverNamed(name: string): Server {
  const server = allServers.find((candidate) => candidate.name === name);
  if (server !== undefined) return server;
  const known = allServers.map((candidate) => candidate.name).join(', ');
  throw new StackError('USAGE', exitCodes.usage, `there is no server "${name}"`, `choose among ${known}`);
}

/** How a server is called where people read it: a stand-in always says that it is one. */
export function titleOf(server: Server): string {
  return server.standIn === undefined ? server.name : `${server.name} (${server.standIn})`;
}
