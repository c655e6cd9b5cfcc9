// Entry of every npm script. Plain JavaScript that any Node since 18 runs: it installs the packages when they
// are missing or older than the lockfile, then hands over to the pinned Node (package `node`), which runs
// TypeScript directly.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pinnedNode = join(
  root,
  'node_modules',
  'node',
  'bin',
  process.platform === 'win32' ? 'node.exe' : 'node',
);

/** The hidden lockfile is the last thing that npm writes, so its age says whether an install was completed. */
function packagesAreCurrent() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installed) || !existsSync(pinnedNode)) return false;
  return statSync(installed).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
}

if (!packagesAreCurrent()) {
  process.stderr.write('tailrace: installing packages (npm ci), once\n');
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (npm.status !== 0) {
    process.stderr.write(
      'tailrace: npm ci failed, see above. It needs npm 10 or newer and the npm registry; then run the command again.\n',
    );
    process.exit(1);
  }
  if (!existsSync(pinnedNode)) {
    process.stderr.write(
      `tailrace: the package "node" brought no binary for ${process.platform} ${process.arch}. ` +
        'Allow its install script (npm install-scripts approve node) or install Node 24 and start the script with it.\n',
    );
    process.exit(1);
  }
}

const [script, ...args] = process.argv.slice(2);
if (script === undefined) {
  process.stderr.write('usage: node bin/bootstrap.mjs SCRIPT.ts [ARGUMENT...]\n');
  process.exit(2);
}
const child = spawn(pinnedNode, ['--disable-warning=ExperimentalWarning', join(root, script), ...args], {
  stdio: 'inherit',
  env: {
    ...process.env,
    PATH: `${dirname(pinnedNode)}:${join(root, 'node_modules', '.bin')}:${process.env.PATH}`,
  },
});
// A terminal sends Ctrl-C to the whole group; a supervisor sends SIGTERM to this process alone, so pass it on.
process.on('SIGTERM', () => child.kill('SIGTERM'));
process.on('SIGINT', () => {});
child.on('exit', (code, signal) => {
  process.exit(code ?? 128 + (constants.signals[signal] ?? 0));
});
