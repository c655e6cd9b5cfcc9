import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { TailraceError } from '../errors.ts';

const PLACEHOLDER = /\$\{(?:file:([^}]+)|([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?)\}/g;

/**
 * Fills in `${VAR}`, `${VAR:-default}` and `${file:PATH}` (relative to the config's folder; one final newline is cut) in
 * every text of a parsed config. Working on parsed values means that a secret can hold any character.
 * Throws CONFIG_INVALID for a variable that is not set or a file that cannot be read.
 */
export function substitute(value: unknown, folder: string, path: readonly string[] = []): unknown {
  if (typeof value === 'string') return fill(value, folder, path.join('.'));
  if (Array.isArray(value)) {
    // A list from one variable, `brokers: [${KAFKA_BROKERS}]`, may name several, split by commas.
    return value.flatMap((item, index) => {
      const filled = substitute(item, folder, [...path, String(index)]);
      const isWholePlaceholder = typeof item === 'string' && /^\$\{[^}]+\}$/.test(item);
      return isWholePlaceholder && typeof filled === 'string' ? filled.split(',') : [filled];
    });
  }
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([key, child]) => [key, substitute(child, folder, [...path, key])]),
    );
  }
  return value;
}

function fill(text: string, folder: string, path: string): string {
  return text.replace(
    PLACEHOLDER,
    (_, file: string | undefined, variable: string, fallback: string | undefined) => {
      if (file !== undefined) return readSecret(resolve(folder, file), path);
      const found = process.env[variable];
      if (found !== undefined && found !== '') return found;
      if (fallback !== undefined) return fallback;
      throw new TailraceError(
        'CONFIG_INVALID',
        `${path}: the environment variable ${variable} is not set`,
        `set ${variable}, or give a default with \${${variable}:-value}`,
      );
    },
  );
}

function readSecret(file: string, path: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    throw new TailraceError(
      'CONFIG_INVALID',
      `${path}: the file ${file} cannot be read`,
      'check the path and its rights',
      {
        cause,
      },
    );
  }
}
