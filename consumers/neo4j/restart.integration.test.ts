import { afterAll } from 'vitest';
import { restartContract } from '../../test/sink-contract-restart.ts';
import { closeReader, harness } from './test-graph.ts';

afterAll(closeReader);
restartContract('neo4j', harness);
