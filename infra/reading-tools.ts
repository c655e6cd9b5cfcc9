import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { installServer } from './cache.ts';
import { findOnPath, inspectMachine, pythonOf } from './machine.ts';
import { installPythonPackages, unpackDebianPackages } from './packages.ts';
import { serverNamed } from './servers/all.ts';
import type { Software } from './servers/server.ts';
import { runTool } from './tool.ts';

/** kcat reads topics in the shell; it stands on librdkafka, as most clients that are not Java's do. */
const kcat: Software = {
  name: 'kcat',
  version: 'debian',
  async install(folder) {
    await unpackDebianPackages(['kcat', 'librdkafka1', 'libyajl2'], folder);
    const { file, env } = kcatIn(folder);
    await runTool(file, ['-V'], { env });
  },
};

/** An implementation of Avro that shares nothing with ours. */
const fastavro: Software = {
  name: 'fastavro',
  version: '1.13.1',
  install: (folder, machine) =>
    installPythonPackages([`fastavro==${fastavro.version}`], folder, pythonOf(machine)),
};

/** Runs kcat with these arguments and gives what it prints. The system's own is taken where there is one. */
export async function runKcat(args: readonly string[], onProgress: (line: string) => void): Promise<string> {
  const own = findOnPath('kcat');
  if (own !== undefined) return runTool(own, args);
  const { file, env } = kcatIn(await installServer(kcat, await inspectMachine([]), onProgress));
  return runTool(file, args, { env });
}

/** Runs a Python script that may import fastavro and gives what it prints. */
export async function runWithFastavro(
  script: string,
  args: readonly string[],
  onProgress: (line: string) => void,
): Promise<string> {
  const machine = await inspectMachine([serverNamed('mongodb')]);
  const folder = await installServer(fastavro, machine, onProgress);
  return runTool(join(folder, 'venv', 'bin', 'python'), [script, ...args]);
}

function kcatIn(folder: string): { file: string; env: Record<string, string> } {
  const libraries = ['x86_64-linux-gnu', 'aarch64-linux-gnu']
    .map((architecture) => join(folder, 'usr', 'lib', architecture))
    .filter((path) => existsSync(path));
  return {
    file: join(folder, 'usr', 'bin', 'kcat'),
    env: { PATH: process.env['PATH'] ?? '', LD_LIBRARY_PATH: libraries.join(':') },
  };
}
