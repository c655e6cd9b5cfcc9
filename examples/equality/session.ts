import { answerWithin, impatient } from './answer-within.ts';
import { withFollowedKeys } from './followed-keys.ts';
import { open as openPostgres } from './postgres.ts';
import type { PostgresReader } from './postgres.ts';
import type { Reader, StoreType } from './reader.ts';
import type { Table } from './table.ts';

const ANSWER_TIMEOUT_MS = 60_000;

export interface StoreAddress {
  readonly type: StoreType;
  /** With credentials and database inside, where there are any. */
  readonly url: string;
}

/** What to compare. */
export interface Sides {
  readonly postgresUrl: string;
  /** `schema.table` each. */
  readonly tables: readonly string[];
  /** By the sink's name. */
  readonly stores: Readonly<Record<string, StoreAddress>>;
  /** After how long without an answer a store counts as unreadable; a minute when absent. */
  readonly answerTimeoutMs?: number;
}

export interface OpenStore {
  readonly name: string;
  readonly type: StoreType;
  /** The reader; throws what opening it threw, so that each use reports an unreachable store. */
  readonly reader: () => Reader;
}

export interface Session {
  readonly postgres: PostgresReader;
  readonly tables: readonly Table[];
  readonly stores: readonly OpenStore[];
  close(): Promise<void>;
}

/** A store's driver is loaded only when it is asked for. */
const OPENERS: Readonly<Record<StoreType, (url: string) => Promise<Reader>>> = {
  elasticsearch: async (url) => (await import('./elasticsearch.ts')).open(url),
  clickhouse: async (url) => (await import('./clickhouse.ts')).open(url),
  mongodb: async (url) => (await import('./mongodb.ts')).open(url),
  redis: async (url) => (await import('./redis.ts')).open(url),
  neo4j: async (url) => (await import('./neo4j.ts')).open(url),
};

/** Connects to both sides. Throws when Postgres or one of the tables cannot be read; a store's failure waits for its use. */
export async function openSession(sides: Sides): Promise<Session> {
  const { postgresUrl, tables, stores, answerTimeoutMs = ANSWER_TIMEOUT_MS } = sides;
  const postgres = await openPostgres(postgresUrl);
  try {
    const described: Table[] = [];
    for (const table of tables) described.push(await postgres.describe(table));
    const opening = Object.entries(stores).map(([name, store]) => openStore(name, store, answerTimeoutMs));
    const opened = await Promise.all(opening);
    return {
      postgres,
      tables: withFollowedKeys(described),
      stores: opened,
      close: async () => {
        await Promise.allSettled([postgres.close(), ...opened.map(async (store) => store.reader().close())]);
      },
    };
  } catch (error) {
    await postgres.close();
    throw error;
  }
}

async function openStore(
  name: string,
  { type, url }: StoreAddress,
  answerTimeoutMs: number,
): Promise<OpenStore> {
  try {
    const opened = await answerWithin(answerTimeoutMs, OPENERS[type](url));
    const reader = impatient(opened, answerTimeoutMs);
    return { name, type, reader: () => reader };
  } catch (error) {
    return {
      name,
      type,
      reader: () => {
        throw error;
      },
    };
  }
}

/** One line about a failure, without the credentials of an address. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${reasonOf(error.cause)}` : '';
  const first = error instanceof AggregateError ? reasonOf(error.errors[0]) : '';
  const [line = ''] = (error.message === '' ? first : error.message).split('\n');
  return `${line.replaceAll(/\/\/[^\s/@]*@/g, '//')}${cause}`;
}
