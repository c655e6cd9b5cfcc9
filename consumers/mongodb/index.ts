import type { SinkModule } from '../sink.ts';
import {
  optionsSchema,
  tableOptionsSchema,
  type MongodbOptions,
  type MongodbTableOptions,
} from './config.ts';
import { classify } from './errors.ts';
import { plan } from './plan.ts';
import { query } from './query.ts';
import { createMongodbSink } from './sink.ts';

export const sink: SinkModule<MongodbOptions, MongodbTableOptions> = {
  options: optionsSchema,
  tableOptions: tableOptionsSchema,
  create: createMongodbSink,
  plan,
  classify,
  query,
};
