import { afterAll, beforeAll } from 'vitest';
import { restartContract } from '../../test/sink-contract-restart.ts';
import { harness, server } from './test-sink.ts';

beforeAll(() => server.run(`CREATE DATABASE ${server.database} ENGINE = Atomic`));
afterAll(() => server.run(`DROP DATABASE ${server.database}`));
restartContract('clickhouse', harness);
