import type { SinkModule } from '../sink.ts';
import { optionsSchema, type Neo4jOptions } from './config.ts';
import { classify } from './errors.ts';
import { plan } from './plan.ts';
import { createNeo4jSink } from './sink.ts';

export const sink: SinkModule<Neo4jOptions> = {
  options: optionsSchema,
  create: createNeo4jSink,
  plan,
  classify,
};
