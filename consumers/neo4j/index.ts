import type { SinkModule } from '../sink.ts';
import { optionsSchema, tableOptionsSchema, type Neo4jOptions, type Neo4jTableOptions } from './config.ts';
import { classify } from './errors.ts';
import { plan } from './plan.ts';
import { query } from './query.ts';
import { createNeo4jSink } from './sink.ts';

export const sink: SinkModule<Neo4jOptions, Neo4jTableOptions> = {
  options: optionsSchema,
  tableOptions: tableOptionsSchema,
  create: createNeo4jSink,
  plan,
  classify,
  query,
};
