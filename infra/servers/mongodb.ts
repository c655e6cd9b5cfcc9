import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { launch } from '../daemon.ts';
import { pythonOf } from '../machine.ts';
import { installPythonPackages } from '../packages.ts';
import { stopProcess } from '../process-tree.ts';
import { makeFolder, writeConfig } from '../server-files.ts';
import type { Command, Instance, Server } from './server.ts';

const version = '0.7.0b3';
const user = 'tailrace';

/** SecantusDB speaks MongoDB's protocol over WiredTiger; no package registry holds a mongod. */
export const mongodb: Server = {
  name: 'mongodb',
  version,
  standIn: 'SecantusDB stand-in',
  defaultPort: 27017,
  variable: 'MONGODB_URL',
  needs: { python: true, install: [] },

  install: (folder, machine) => installPythonPackages([`secantusdb==${version}`], folder, pythonOf(machine)),

  async command(instance): Promise<Command> {
    const marker = join(instance.home, 'user-made');
    if (!existsSync(marker)) {
      // What an interrupted first run left behind holds nobody's data.
      rmSync(join(instance.home, 'data'), { recursive: true, force: true });
      await createUser(instance);
      writeConfig(instance, 'user-made', '');
    }
    return daemonCommand(instance, instance.port, ['--auth']);
  },

  async probe(instance) {
    const { MongoClient } = await import('mongodb');
    const client = new MongoClient(mongodb.url(instance), { serverSelectionTimeoutMS: 2000 });
    try {
      await client.db('admin').command({ hello: 1 });
    } finally {
      await client.close();
    }
  },

  url: ({ port, password }) => `mongodb://${user}:${password}@127.0.0.1:${port}/?authSource=admin`,
};

function daemonCommand(instance: Instance, port: number, options: readonly string[]): Command {
  const venv = join(instance.software, 'venv', 'bin');
  const storage = ['--storage-path', makeFolder(instance, 'data'), '--cache-size', '256M'];
  // The script's first line names the folder in which it was installed, so Python is named here.
  const script = [join(venv, 'secantusd-py'), '--host', '127.0.0.1', '--port', String(port)];
  return { file: join(venv, 'python'), args: [...script, ...storage, ...options] };
}

/** Users can only be made while the server asks nobody for a password: in a first run, on a port that nobody knows. */
async function createUser(instance: Instance): Promise<void> {
  const open = launch(
    daemonCommand(instance, instance.innerPort, []),
    instance,
    join(instance.home, 'first-run.log'),
  );
  const { MongoClient } = await import('mongodb');
  const client = new MongoClient(`mongodb://127.0.0.1:${instance.innerPort}`, {
    serverSelectionTimeoutMS: 20_000,
  });
  try {
    await client.db('admin').command({ createUser: user, pwd: instance.password, roles: ['root'] });
  } finally {
    await client.close();
    await stopProcess(open, 'SIGTERM', 10_000);
  }
}
