import type { SinkModule } from '../sink.ts';
import { optionsSchema, type ElasticsearchOptions } from './config.ts';
import { classify } from './errors.ts';
import { plan } from './plan.ts';
import { createElasticsearchSink } from './sink.ts';

export const sink: SinkModule<ElasticsearchOptions> = {
  options: optionsSchema,
  create: createElasticsearchSink,
  plan,
  classify,
};
