import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** A Redis server of a test's own, for settings that a shared one must not get. */
export interface OwnServer {
  readonly url: string;
  readonly port: number;
  readonly client: Redis;
  /** As a power cut does it, but that the machine's memory for files stays. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, with its data. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the same program as the server at `sharedUrl` runs, else the one of the PATH; `settings` are those of redis.conf. */
export async function startRedis(
  sharedUrl: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<OwnServer> {
  const [program, port] = [await programOf(sharedUrl), await freePort()];
  const folder = await mkdtemp(join(tmpdir(), 'tailrace-redis-'));
  const all = { port: String(port), bind: '127.0.0.1', dir: folder, save: '', ...settings };
  const client = new Redis(port, '127.0.0.1', {
    lazyConnect: true,
    retryStrategy: () => 50,
    maxRetriesPerRequest: null,
  });
  client.on('error', () => undefined);
  const launch = async (): Promise<{ kill(): Promise<void> }> => {
    const child = spawn(
      program,
      Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]),
      {
        stdio: 'ignore',
        // A server that was unpacked beside the system has its libraries beside it.
        env: { ...process.env, LD_LIBRARY_PATH: join(dirname(dirname(program)), 'lib', 'x86_64-linux-gnu') },
      },
    );
    const ended = once(child, 'exit');
    await Promise.race([
      client.ping(),
      ended.then(() => {
        throw new Error(`${program} has ended instead of listening`);
      }),
    ]);
    return {
      async kill() {
        child.kill('SIGKILL');
        await ended;
      },
    };
  };
  let running = await launch();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    client,
    kill: () => running.kill(),
    async start() {
      running = await launch();
    },
    async stop() {
      client.disconnect();
      await running.kill();
      await rm(folder, { recursive: true });
    },
  };
}

/** A Redis Cluster of three masters without replicas, as it stands once every server knows all slots. */
export async function startRedisCluster(sharedUrl: string): Promise<readonly OwnServer[]> {
  const servers: OwnServer[] = [];
  for (let index = 0; index < 3; index++)
    servers.push(
      await startRedis(sharedUrl, { 'cluster-enabled': 'yes', 'cluster-port': String(await freePort()) }),
    );
  const [first] = servers;
  if (first === undefined) throw new Error('a cluster has servers');
  for (const [index, { client, port }] of servers.entries()) {
    const [start, end] = [Math.floor((16_384 * index) / 3), Math.floor((16_384 * (index + 1)) / 3) - 1];
    await client.cluster('ADDSLOTSRANGE', start, end);
    await client.call('CONFIG', 'SET', 'cluster-allow-reads-when-down', 'no');
    const [, busPort = ''] = (await client.config('GET', 'cluster-port')) as string[];
    await first.client.call('CLUSTER', 'MEET', '127.0.0.1', String(port), busPort);
  }
  for (const { client } of servers)
    while (!(await client.cluster('INFO')).includes('cluster_slots_ok:16384')) await delay(50);
  for (const { client } of servers)
    while (!(await client.cluster('INFO')).includes('cluster_state:ok')) await delay(50);
  return servers;
}

async function programOf(sharedUrl: string): Promise<string> {
  const client = new Redis(sharedUrl);
  const program = /^executable:(.+?)\r?$/m.exec(await client.info('server'))?.[1];
  client.disconnect();
  return program !== undefined && existsSync(program) ? program : 'redis-server';
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
