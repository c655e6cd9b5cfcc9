import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { serverAccount, type Account } from './account.ts';
import { chooseJava, findJavas, type Java } from './java.ts';
import type { Machine, Server } from './servers/server.ts';
import { StackError, exitCodes } from './stack-error.ts';
import { runTool } from './tool.ts';

const provenPlatform = 'linux x64';

const howToGet: Readonly<Record<string, string>> = {
  npm: 'it comes with Node.js (https://nodejs.org)',
  mvn: 'install Apache Maven, for example apt-get install maven',
  tar: 'install tar, for example apt-get install tar',
  gzip: 'install gzip, for example apt-get install gzip',
  python3: 'install it with venv, for example apt-get install python3 python3-venv',
};

/** Looks for the programs that `servers` need; asks Java and Python only where one needs them. */
export async function inspectMachine(servers: readonly Server[]): Promise<Machine> {
  const account = serverAccount();
  const [javas, python] = await Promise.all([
    servers.some((server) => server.needs.java !== undefined) ? findJavas(account) : [],
    servers.some((server) => server.needs.python === true) ? findPython(account) : undefined,
  ]);
  return { account, javas, python };
}

/**
 * Refuses to start `servers` where something is missing: one line for each missing program, with the servers that need
 * it and how to get it. `absent` are those of them that must be downloaded first.
 */
export function checkRequirements(
  machine: Machine,
  servers: readonly Server[],
  absent: readonly Server[],
  platform = `${process.platform} ${process.arch}`,
): void {
  const lines =
    platform === provenPlatform
      ? [...missingJava(machine, servers), ...missingPython(machine, servers), ...missingInstallers(absent)]
      : servers.map((server) => unsupportedLine(server, platform));
  if (lines.length === 0) return;
  throw new StackError(
    platform === provenPlatform ? 'TOOL_MISSING' : 'PLATFORM_UNSUPPORTED',
    exitCodes.preflight,
    lines.join('\n'),
    'install what is missing, leave the servers out (--only), or use running ones through TEST_<SERVER>_URL',
  );
}

/** Java for a server that needs at least `version`. */
export function javaFor(machine: Machine, version: number): Java {
  const java = chooseJava(machine.javas, version);
  if (java === undefined) throw new Error(`no Java ${version} found`);
  return java;
}

/** Python for a server that needs it. */
export function pythonOf(machine: Machine): string {
  if (machine.python === undefined) throw new Error('no Python found');
  return machine.python;
}

/** The first folder of PATH that holds the program, joined with its name. */
export function findOnPath(program: string, path = process.env['PATH'] ?? ''): string | undefined {
  return path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

function missingJava(machine: Machine, servers: readonly Server[]): string[] {
  const without = servers.filter(
    ({ needs }) => needs.java !== undefined && chooseJava(machine.javas, needs.java) === undefined,
  );
  if (without.length === 0) return [];
  const version = Math.max(...without.map((server) => server.needs.java ?? 0));
  const found = machine.javas.map((java) => `${java.version} in ${java.home}`).join(', ') || 'none';
  return [
    `Java ${version} or newer is missing (found: ${found}); ${namesOf(without)} need it: ` +
      `install a JDK ${version} or newer (https://adoptium.net) or name one in TAILRACE_JAVA_HOME`,
  ];
}

function missingPython(machine: Machine, servers: readonly Server[]): string[] {
  const without = servers.filter((server) => server.needs.python === true);
  if (machine.python !== undefined || without.length === 0) return [];
  return [`Python 3.10 or newer with venv is missing; ${namesOf(without)} need it: ${howToGet['python3']}`];
}

function missingInstallers(absent: readonly Server[]): string[] {
  const programs = new Set(absent.flatMap((server) => server.needs.install));
  return [...programs]
    .filter((program) => findOnPath(program) === undefined)
    .map((program) => {
      const without = absent.filter((server) => server.needs.install.includes(program));
      return `${program} is missing; the download of ${namesOf(without)} needs it: ${howToGet[program] ?? `install ${program}`}`;
    });
}

function unsupportedLine(server: Server, platform: string): string {
  const variable = `TEST_${server.name.toUpperCase()}_URL`;
  return (
    `${server.name}: the local stack has no package for ${platform} (proven: ${provenPlatform}); ` +
    `start it with docker compose up, or set ${variable} to a running one`
  );
}

/** A Python 3.10 or newer that can make virtual environments and that the account can run. */
export async function findPython(account: Account | undefined): Promise<string | undefined> {
  // The one on PATH can belong to a home folder that the servers' account may not enter, so the system's come after it.
  const candidates = [findOnPath('python3'), '/usr/bin/python3', '/usr/local/bin/python3'];
  for (const candidate of new Set(candidates.filter((path) => path !== undefined))) {
    const python = await usablePython(candidate, account);
    if (python !== undefined) return python;
  }
  return undefined;
}

/** The real program behind `candidate` (version managers put scripts on PATH), if the account can use it. */
async function usablePython(candidate: string, account: Account | undefined): Promise<string | undefined> {
  const ask =
    'import sys, venv, ensurepip, ctypes; assert sys.version_info >= (3, 10); print(sys.executable)';
  const options = { cwd: '/', timeoutMs: 20_000 };
  try {
    const python = (await runTool(candidate, ['-c', ask], options)).trim();
    await runTool(python, ['-c', ask], { ...options, account });
    return python;
  } catch {
    return undefined;
  }
}

function namesOf(servers: readonly Server[]): string {
  return servers.map((server) => server.name).join(', ');
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
