import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export const projectRoot = join(import.meta.dirname, '..', '..');

/**
 * Every file of the project as git sees it: tracked, or new and not ignored, so that a new file is checked before it is
 * committed. Paths start at the project's root and are sorted.
 */
export function projectFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: projectRoot,
    encoding: 'utf8',
  });
  // A deleted file is listed until its removal is staged.
  const present = listed.split('\0').filter((file) => file !== '' && existsSync(join(projectRoot, file)));
  return [...new Set(present)].sort();
}
