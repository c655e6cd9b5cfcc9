import { Redis } from 'ioredis';
import { afterAll } from 'vitest';
import { restartContract } from '../../test/sink-contract-restart.ts';
import { testHarness, testUrl } from './test-sink.ts';

const reader = new Redis(testUrl());
// It comes back by itself after the server was killed.
reader.on('error', () => undefined);
afterAll(() => reader.disconnect());
restartContract('redis', testHarness(reader));
