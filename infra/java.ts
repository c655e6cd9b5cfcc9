import { readdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import type { Account } from './account.ts';
import { runTool } from './tool.ts';

/** An installed Java: its home folder and its major version. */
export interface Java {
  readonly home: string;
  readonly version: number;
}

const systemFolders = ['/usr/lib/jvm', '/usr/java', '/opt/java', '/opt'];

/**
 * All Javas that the servers' account can run: TAILRACE_JAVA_HOME alone where it is set, else those of JAVA_HOME, PATH
 * and the folders where systems keep them. Each is asked for its version, because folder names tell little.
 */
export async function findJavas(account: Account | undefined, env = process.env): Promise<Java[]> {
  const javas = await Promise.all(candidateHomes(env).map((home) => askVersion(home, account, env)));
  return javas.filter((java) => java !== undefined);
}

/** The oldest Java that is new enough: it is the nearest to what the server was built for. */
export function chooseJava(javas: readonly Java[], minimum: number): Java | undefined {
  return javas.filter((java) => java.version >= minimum).toSorted((a, b) => a.version - b.version)[0];
}

/** The major version in what `java -version` prints: 17 of "17.0.15", 8 of "1.8.0_402". */
export function parseJavaVersion(text: string): number | undefined {
  const match = /version "(?:1\.)?(\d+)/.exec(text);
  return match === null ? undefined : Number(match[1]);
}

function candidateHomes(env: NodeJS.ProcessEnv): string[] {
  const chosen = env['TAILRACE_JAVA_HOME'];
  if (chosen !== undefined && chosen !== '') return [chosen];
  const onPath = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const binaries = [
    ...(env['JAVA_HOME'] === undefined || env['JAVA_HOME'] === ''
      ? []
      : [join(env['JAVA_HOME'], 'bin', 'java')]),
    ...onPath.map((folder) => join(folder, 'java')),
    ...systemFolders.flatMap((folder) => subfolders(folder).map((java) => join(java, 'bin', 'java'))),
  ];
  return [...new Set(binaries.flatMap(realHome))];
}

function realHome(binary: string): string[] {
  try {
    return [dirname(dirname(realpathSync(binary)))];
  } catch {
    return [];
  }
}

async function askVersion(
  home: string,
  account: Account | undefined,
  env: NodeJS.ProcessEnv,
): Promise<Java | undefined> {
  try {
    const options = { account, cwd: '/', env, timeoutMs: 20_000 };
    const text = await runTool('/bin/sh', ['-c', '"$0" -version 2>&1', join(home, 'bin', 'java')], options);
    const version = parseJavaVersion(text);
    return version === undefined ? undefined : { home, version };
  } catch {
    return undefined;
  }
}

function subfolders(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    return [];
  }
}
