import type { SinkModule } from '../sink.ts';
import {
  optionsSchema,
  tableOptionsSchema,
  type ClickHouseOptions,
  type ClickHouseTableOptions,
} from './config.ts';
import { classify } from './errors.ts';
import { plan } from './plan.ts';
import { query } from './query.ts';
import { createClickHouseSink } from './sink.ts';

export const sink: SinkModule<ClickHouseOptions, ClickHouseTableOptions> = {
  options: optionsSchema,
  tableOptions: tableOptionsSchema,
  create: createClickHouseSink,
  plan,
  classify,
  query,
};
