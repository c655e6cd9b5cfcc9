import { clickhouse } from './clickhouse.ts';
import { elasticsearch } from './elasticsearch.ts';
import { mongodb } from './mongodb.ts';
import { neo4j } from './neo4j.ts';
import { redis } from './redis.ts';
import type { StoreBench } from './store.ts';

/** In the order in which they run. */
export const STORES: readonly StoreBench[] = [redis, clickhouse, elasticsearch, mongodb, neo4j];
