import type { SinkModule } from '../sink.ts';
import { optionsSchema, tableOptionsSchema, type RedisOptions, type RedisTableOptions } from './config.ts';
import { classify } from './errors.ts';
import { plan } from './plan.ts';
import { query } from './query.ts';
import { createRedisSink } from './sink.ts';

export const sink: SinkModule<RedisOptions, RedisTableOptions> = {
  options: optionsSchema,
  tableOptions: tableOptionsSchema,
  create: createRedisSink,
  plan,
  classify,
  query,
};
