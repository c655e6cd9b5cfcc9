import type { SinkModule } from '../sink.ts';
import { optionsSchema, type RedisOptions } from './config.ts';
import { classify } from './errors.ts';
import { plan } from './plan.ts';
import { createRedisSink } from './sink.ts';

export const sink: SinkModule<RedisOptions> = {
  options: optionsSchema,
  create: createRedisSink,
  plan,
  classify,
};
