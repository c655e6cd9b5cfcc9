import { restartContract } from '../../test/sink-contract-restart.ts';
import { harness } from './test-sink.ts';

restartContract('elasticsearch', harness);
