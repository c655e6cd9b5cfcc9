import { dirname } from 'node:path';

/**
 * Texts that betray the machine on which a file was written: the checkout, the folder above it, the user's home and the
 * usual places of build machines. A folder of one level, such as the app folder of an image, says nothing of a machine.
 */
export function machinePaths(checkout: string, home: string): string[] {
  const folders = [checkout, dirname(checkout), home].filter((folder) => folder.split('/').length > 2);
  // Put together here, so that this file does not hold them itself.
  const usual = ['work', 'root', 'tmp', 'Users'].map((name) => `/${name}`);
  return [...new Set([...usual, ...folders])].map((folder) => `${folder}/`);
}

/** Settings and addresses that carry credentials of a package registry; the classes of one letter hide them from themselves. */
const REGISTRY_SECRETS = [
  /_authToke[n]|:_passwor[d]|_aut[h]=/,
  /\b(?:registry|index-url|GOPROXY)\s*=\s*["']?https?:\/\/[^/\s]*[@]/i,
];
const PUBLIC_REGISTRY = 'https://registry.npmjs.org/';

/** What a file's text says that it must not, in one sentence each. */
export function leaksOf(text: string, paths: readonly string[]): string[] {
  const found = paths.filter((path) => hasPath(text, path)).map((path) => `holds the machine path ${path}`);
  const secrets = REGISTRY_SECRETS.filter((pattern) => pattern.test(text)).map(
    () => 'holds credentials of a package registry',
  );
  return [...found, ...secrets];
}

/** The lockfile's addresses that lead elsewhere than to npm's public registry. */
export function foreignRegistries(lockfile: string): string[] {
  const resolved = [...lockfile.matchAll(/"resolved": "([^"]*)"/g)].map(([, url = '']) => url);
  return resolved.filter((url) => !url.startsWith(PUBLIC_REGISTRY));
}

/** True when the path begins here, and is not the end of a longer one, such as a relative path. */
function hasPath(text: string, path: string): boolean {
  for (let at = text.indexOf(path); at !== -1; at = text.indexOf(path, at + 1)) {
    if (!/[\w.~}*-]/.test(text[at - 1] ?? ' ')) return true;
  }
  return false;
}
