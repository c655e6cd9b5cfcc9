import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { installServer } from '../../infra/cache.ts';
import { inspectMachine } from '../../infra/machine.ts';
import { choosePort } from '../../infra/ports.ts';
import { serverNamed } from '../../infra/servers/all.ts';
import { outsideUrl } from '../../infra/stack-env.ts';
import { until } from '../pipeline/until.ts';

export interface OpenMongodb extends AsyncDisposable {
  readonly url: string;
}

/**
 * A MongoDB that asks for no login. MongoDB's connector asks which privileges its login has, and the stand-in of the stack does
 * not tell them; without a login the connector asks nothing. A real server that the user runs is taken as it is.
 */
export async function openMongodb(): Promise<OpenMongodb> {
  const server = serverNamed('mongodb');
  const outside = outsideUrl(server);
  if (outside !== undefined) return { url: outside, [Symbol.asyncDispose]: () => Promise.resolve() };
  const software = await installServer(server, await inspectMachine([server]), () => {});
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-mongodb-'));
  const port = await choosePort({}, new Set());
  const bin = join(software, 'venv', 'bin');
  const child = spawn(
    join(bin, 'python'),
    [join(bin, 'secantusd-py'), '--host', '127.0.0.1', '--port', String(port), '--storage-path', folder],
    { cwd: folder, stdio: 'ignore' },
  );
  const ended = once(child, 'exit');
  const url = `mongodb://127.0.0.1:${port}`;
  await until('MongoDB answers', async () => {
    const client = new MongoClient(url, { serverSelectionTimeoutMS: 500 });
    try {
      await client.db('admin').command({ hello: 1 });
      return true;
    } catch {
      return false;
    } finally {
      await client.close();
    }
  });
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
