import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { giveTo } from './account.ts';
import type { Instance } from './servers/server.ts';

/** Writes a configuration file into the server's home, readable by the server alone; gives its path. */
export function writeConfig(instance: Instance, name: string, text: string): string {
  const file = join(instance.home, name);
  makeFolder(instance, dirname(name));
  writeFileSync(file, text, { mode: 0o600 });
  giveTo(instance.account, file);
  return file;
}

/** Makes a folder inside the server's home, owned by the server; gives its path. */
export function makeFolder(instance: Instance, name: string): string {
  const folder = join(instance.home, name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  giveTo(instance.account, folder);
  return folder;
}
