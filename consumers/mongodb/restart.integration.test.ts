import { afterAll } from 'vitest';
import { restartContract } from '../../test/sink-contract-restart.ts';
import { closeReader, harness } from './test-sink.ts';

afterAll(closeReader);
restartContract('mongodb', harness);
