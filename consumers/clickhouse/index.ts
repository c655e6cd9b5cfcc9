import type { SinkModule } from '../sink.ts';
import { optionsSchema, type ClickHouseOptions } from './config.ts';
import { classify } from './errors.ts';
import { plan } from './plan.ts';
import { createClickHouseSink } from './sink.ts';

export const sink: SinkModule<ClickHouseOptions> = {
  options: optionsSchema,
  create: createClickHouseSink,
  plan,
  classify,
};
