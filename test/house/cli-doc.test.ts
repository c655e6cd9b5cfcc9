import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { projectRoot } from '../architecture/project-files.ts';
import { readDocument, sectionsOf } from './document.ts';

const run = promisify(execFile);
const sections = sectionsOf(readDocument('cli.md'), '##');

async function help(...command: string[]): Promise<string> {
  const { stdout } = await run(join(projectRoot, 'bin', 'tailrace'), [...command, '--help']);
  return stdout;
}

/** The names in the list of commands that a help text ends with; `help` itself needs no explanation. */
function commandsIn(text: string): string[] {
  const [, list = ''] = /^Commands:\n((?: .*\n)+)/m.exec(text) ?? [];
  return [...list.matchAll(/^ {2}(\w+)/gm)].map(([, name = '']) => name).filter((name) => name !== 'help');
}

function optionsIn(text: string): string[] {
  return [...text.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)].map(([option]) => option);
}

test('the page explains every command and every option of it, and names no others', async () => {
  const commands = commandsIn(await help());
  expect([...sections.keys()]).toEqual(commands.map((name) => `\`tailrace ${name}\``));
  await Promise.all(commands.map(checkSection));
}, 120_000);

async function checkSection(name: string): Promise<void> {
  const section = sections.get(`\`tailrace ${name}\``) ?? '';
  const own = await help(name);
  const parts = commandsIn(own);
  const texts = [own, ...(await Promise.all(parts.map((part) => help(name, part))))];
  const options = new Set(texts.flatMap(optionsIn).filter((option) => option !== '--help'));
  expect([name, ...new Set(optionsIn(section))].sort()).toEqual([name, ...options].sort());
  for (const part of parts) expect(section).toContain(`tailrace ${name} ${part}`);
}
