import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path/posix';
import { describe, expect, it } from 'vitest';
import { readComposeFile, readText, root } from './compose-file.ts';

const dockerfile = readText('Dockerfile');

describe('Dockerfile', () => {
  it('builds on the Node of .nvmrc, by an exact tag', () => {
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
    expect(new Set(bases)).toEqual(new Set([`node:${readText('.nvmrc').trim()}-bookworm-slim`]));
    expect(bases).toHaveLength(2);
  });

  it('installs what runs, and no script of a package runs', () => {
    expect(dockerfile).toMatch(/npm ci --omit=dev --ignore-scripts/);
  });

  it('ends as the user that docker-compose.yml names, not as root', () => {
    const users = [...dockerfile.matchAll(/^USER (\S+)/gm)].map(([, user]) => user);
    expect(users.at(-1)).toBe(readComposeFile().services.producer?.user);
    expect(users.at(-1)).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });

  it('and docker-compose.yml check the health in the same way', () => {
    const command = /^HEALTHCHECK .*\\\n\s+CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]';
    expect(['CMD', ...(JSON.parse(command) as string[])]).toEqual(
      readComposeFile().services.producer?.healthcheck?.test,
    );
  });
});

describe('the image', () => {
  const entryPoints = ['cli/main.ts', 'examples/container.ts'];

  it('holds every module that its programs import', () => {
    const modules = entryPoints.flatMap((path) => [...modulesFrom(path)]);
    expect(modules.length).toBeGreaterThan(entryPoints.length);
    expect(modules.filter((path) => !isInImage(path))).toEqual([]);
  });

  it('holds the config file, the example’s schema and the lockfile', () => {
    const files = [
      'examples/pursuit/tailrace.yaml',
      'examples/pursuit/schema.sql',
      'package-lock.json',
      '.npmrc',
    ];
    expect(files.filter((path) => !isInImage(path))).toEqual([]);
  });

  it('holds no test, no secret and no history', () => {
    const files = [
      '.env',
      '.git/config',
      'schemas/key-text.test.ts',
      'test/compose/rules.ts',
      'node_modules/pg/x.js',
    ];
    expect(files.filter(isInImage)).toEqual([]);
  });
});

/** The path and all that it imports from the repository, at load time or later. */
function modulesFrom(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  const source = readFileSync(new URL(path, root), 'utf8');
  for (const [, imported = ''] of source.matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"]*)['"]/g)) {
    const target = normalize(join(dirname(path), imported));
    if (existsSync(new URL(target, root))) modulesFrom(target, seen);
    else seen.add(target);
  }
  return seen;
}

/** Docker's reading of .dockerignore, for the few forms that it uses: the last pattern that matches decides. */
function isInImage(path: string): boolean {
  const patterns = readText('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  let isIn = true;
  for (const pattern of patterns) {
    const name = pattern.replace(/^!/, '');
    if (matches(name, path)) isIn = pattern.startsWith('!');
  }
  return isIn;
}

/** A pattern without wildcards also matches all that lies below the folder of that name. */
function matches(pattern: string, path: string): boolean {
  if (pattern === '*') return true;
  if (pattern.startsWith('**/*')) return path.endsWith(pattern.slice(4));
  return path === pattern || path.startsWith(`${pattern}/`);
}
