import { startConnect } from '../../infra/connect.ts';
import { until } from '../pipeline/until.ts';

/** Kafka Connect for one test file. */
export interface Connect extends AsyncDisposable {
  /** Makes a connector and waits until it and its task run. Throws with the reason when one fails. */
  create(name: string, config: Readonly<Record<string, string>>): Promise<void>;
  /** Ends a connector; the offsets of a source stay under its name. */
  remove(name: string): Promise<void>;
}

interface Status {
  readonly connector?: { readonly state: string; readonly trace?: string };
  readonly tasks?: readonly { readonly state: string; readonly trace?: string }[];
}

export async function openConnect(): Promise<Connect> {
  const brokers = process.env['KAFKA_BROKERS'];
  if (brokers === undefined)
    throw new Error('this test needs Kafka: set KAFKA_BROKERS, or run it with `npm test`');
  const running = await startConnect(brokers, (line) => void process.stderr.write(`${line}\n`));
  return {
    async create(name, config) {
      const response = await fetch(`${running.url}/connectors`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name, config }),
      });
      if (!response.ok) throw new Error(`connector ${name}: ${response.status} ${await response.text()}`);
      await until(`connector ${name} runs`, async () => {
        const status = (await (await fetch(`${running.url}/connectors/${name}/status`)).json()) as Status;
        const parts = [
          ...(status.connector === undefined ? [] : [status.connector]),
          ...(status.tasks ?? []),
        ];
        const failed = parts.find(({ state }) => state === 'FAILED');
        if (failed !== undefined)
          throw new Error(`connector ${name} failed: ${failed.trace?.slice(0, 2000)}`);
        return parts.length === 2 && parts.every(({ state }) => state === 'RUNNING');
      });
    },
    async remove(name) {
      await fetch(`${running.url}/connectors/${name}`, { method: 'DELETE' });
    },
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}
