import type { SinkModule } from '../sink.ts';
import { optionsSchema, type MongodbOptions } from './config.ts';
import { classify } from './errors.ts';
import { plan } from './plan.ts';
import { createMongodbSink } from './sink.ts';

export const sink: SinkModule<MongodbOptions> = {
  options: optionsSchema,
  create: createMongodbSink,
  plan,
  classify,
};
