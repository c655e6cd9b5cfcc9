import type { Redis } from 'ioredis';
import type { Logger } from '../../core/logger.ts';
import { TailraceError } from '../../core/errors.ts';
import type { RedisOptions } from './config.ts';
import { openConnection } from './connection.ts';
import type { KeyNames } from './mapping.ts';

/** The connections of a sink: one to a single server, one to each master of a cluster that has a table. */
export interface Servers {
  /** The server that the url names. */
  first(): Promise<Redis>;
  /** The server that has the keys of a target. */
  of(names: KeyNames): Promise<Redis>;
  /** Closes all; the next call opens new ones, since after a failover an address leads to another server. */
  drop(): void;
}

interface SlotRange {
  readonly first: number;
  readonly last: number;
  readonly host: string;
  readonly port: number;
}

/** First slot, last slot, the master's address, then its replicas'. */
type SlotsReply = readonly [number, number, readonly [host: string | null, port: number]][];

interface Opened {
  readonly first: Redis;
  /** Null for a server that is no part of a cluster. */
  readonly slots: readonly SlotRange[] | null;
  readonly byAddress: Map<string, Redis>;
  /** The server of each table, by the name of its truncate's key: in a cluster a table's keys are all in one slot. */
  readonly byTable: Map<string, Redis>;
}

export function openServers(options: RedisOptions, log: Logger): Servers {
  let opened: Opened | null = null;

  const ready = async (): Promise<Opened> => {
    if (
      opened !== null &&
      [opened.first, ...opened.byAddress.values()].some(({ status }) => status !== 'ready')
    )
      drop();
    return (opened ??= await openFirst(options, log));
  };

  const drop = (): void => {
    if (opened !== null) for (const redis of [opened.first, ...opened.byAddress.values()]) redis.disconnect();
    opened = null;
  };

  return {
    async first() {
      return (await ready()).first;
    },
    async of(names) {
      const { first, slots, byAddress, byTable } = await ready();
      if (slots === null) return first;
      let redis = byTable.get(names.truncated);
      if (redis === undefined) {
        const slot = await first.cluster('KEYSLOT', names.truncated);
        const owner = slots.find((range) => range.first <= slot && slot <= range.last);
        if (owner === undefined) throw new Error('CLUSTERDOWN Hash slot not served');
        const address = `${owner.host}:${owner.port}`;
        redis = byAddress.get(address) ?? (await openConnection(options, log, owner));
        byAddress.set(address, redis);
        byTable.set(names.truncated, redis);
      }
      return redis;
    },
    drop,
  };
}

async function openFirst(options: RedisOptions, log: Logger): Promise<Opened> {
  const first = await openConnection(options, log);
  try {
    return { first, slots: await slotsOf(first, options), byAddress: new Map(), byTable: new Map() };
  } catch (error) {
    first.disconnect();
    throw error;
  }
}

async function slotsOf(redis: Redis, { url, hashTags }: RedisOptions): Promise<SlotRange[] | null> {
  // A user without the right to INFO can write all the same; a cluster then answers MOVED, which says what to do.
  const cluster = await redis.info('cluster').catch(() => '');
  if (!cluster.includes('cluster_enabled:1')) return null;
  if (!hashTags)
    throw new TailraceError(
      'CONFIG_INVALID',
      'The url leads to a Redis Cluster, where a row and its version must lie in one slot.',
      'Set hashTags: true for this sink; its keys then begin with {name}: instead of name:.',
    );
  const ranges = (await redis.cluster('SLOTS')) as unknown as SlotsReply;
  return ranges.map(([first, last, [host, port]]) => ({
    first,
    last,
    // A master that does not know its own address is the one that was asked.
    host: host === null || host === '' ? new URL(url).hostname : host,
    port,
  }));
}
