import type { SinkModule } from '../sink.ts';
import {
  optionsSchema,
  tableOptionsSchema,
  type ElasticsearchOptions,
  type ElasticsearchTableOptions,
} from './config.ts';
import { classify } from './errors.ts';
import { plan } from './plan.ts';
import { query } from './query.ts';
import { createElasticsearchSink } from './sink.ts';

export const sink: SinkModule<ElasticsearchOptions, ElasticsearchTableOptions> = {
  options: optionsSchema,
  tableOptions: tableOptionsSchema,
  create: createElasticsearchSink,
  plan,
  classify,
  query,
};
