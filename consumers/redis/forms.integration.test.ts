import { Redis } from 'ioredis';
import { afterAll } from 'vitest';
import { sinkContract } from '../../test/sink-contract.ts';
import { testHarness, testUrl } from './test-sink.ts';

// The whole contract again for what the options change in the scripts.
const reader = new Redis(testUrl());
afterAll(() => reader.disconnect());

sinkContract('redis with rows of JSON in a set', testHarness(reader, {}, { as: 'json', sets: ['all'] }));

sinkContract(
  'redis with hash tags, a time to live and a stream',
  testHarness(reader, { hashTags: true, tombstoneTtl: 'never' }, { ttl: '1h', stream: { name: 'changes' } }),
);
