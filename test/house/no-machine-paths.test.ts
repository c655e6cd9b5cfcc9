import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectFiles, projectRoot } from '../architecture/project-files.ts';
import { foreignRegistries, leaksOf, machinePaths } from './machine-paths.ts';

test('no file holds a path of the machine or a credential of a registry', () => {
  const paths = machinePaths(projectRoot, homedir());
  const leaks = projectFiles().flatMap((file) =>
    leaksOf(readFileSync(join(projectRoot, file), 'latin1'), paths).map((leak) => `${file} ${leak}`),
  );
  expect(leaks).toEqual([]);
});

test('the lockfile names no registry but the public one', () => {
  expect(foreignRegistries(readFileSync(join(projectRoot, 'package-lock.json'), 'utf8'))).toEqual([]);
});

test('planted paths and credentials are found', () => {
  const paths = machinePaths('/build/me/tailrace', '/home/me');
  const planted = (parts: readonly string[]) => leaksOf(`see ${parts.join('')}x`, paths);
  expect(planted(['/build/me', '/tailrace/'])).toHaveLength(2);
  expect(planted(['/home', '/me/'])).toHaveLength(1);
  expect(planted(['(/wo', 'rk/'])).toHaveLength(1);
  expect(planted(['//registry.example.com/:_auth', 'Token=abc'])).toHaveLength(1);
  expect(planted(['registry=https://me:secret', '@registry.example.com/'])).toHaveLength(1);
  expect(foreignRegistries('{"resolved": "https://registry.example.com/a.tgz"}')).toHaveLength(1);
});

test('what only looks like a path of the machine is no leak', () => {
  const paths = machinePaths('/app', '/root');
  const relative = ["import './wo", "rk/a.ts'"].join('');
  const mount = ['tmpfs: /t', 'mp:size=16m'].join('');
  expect(leaksOf(`${relative}; ${mount}; WORKDIR /app/`, paths)).toEqual([]);
});
