import { existsSync, readFileSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { TailraceError, toError } from '../errors.ts';
import { configSchema, type Config, type ConfigInput } from './schema.ts';
import { substitute } from './substitute.ts';
import { suggest } from './suggest.ts';

const DEFAULT_FILES = ['tailrace.yaml', 'tailrace.config.ts'];

/** A checked config, with the folder that its relative paths start from. */
export interface LoadedConfig {
  readonly config: Config;
  readonly file: string;
  readonly folder: string;
}

/** Types and completes a config written in TypeScript: `export default defineConfig({...})`. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}

/**
 * Finds, reads, fills in and checks the config. Throws CONFIG_NOT_FOUND or CONFIG_INVALID, naming file, key, what is
 * allowed and the fix.
 */
export async function loadConfig(file?: string): Promise<LoadedConfig> {
  const path = findFile(file);
  const folder = dirname(path);
  const raw = substitute(await read(path), folder);
  const parsed = configSchema.safeParse(raw);
  if (!parsed.success) throw invalid(path, parsed.error, configSchema);
  return { config: parsed.data, file: path, folder };
}

/** Turns zod's issues into one error in the words of the config file. `at` is the path of the part that was checked. */
export function invalid(
  file: string,
  error: z.ZodError,
  schema: z.ZodType,
  at: readonly PropertyKey[] = [],
): TailraceError {
  const problems = error.issues.map((issue) => {
    const path = [...at, ...issue.path].map(String).join('.') || '(top level)';
    if (issue.code !== 'unrecognized_keys') return `${path}: ${sentenceOf(issue)}`;
    const allowed = allowedKeys(schema, issue.path);
    return issue.keys
      .map((key) => `${path}: unknown key "${key}"${suggest(key, allowed)}; allowed: ${allowed.join(', ')}`)
      .join('\n  ');
  });
  return new TailraceError(
    'CONFIG_INVALID',
    `${file} is not a valid config\n  ${problems.join('\n  ')}`,
    'mend the keys named above; `tailrace config schema` prints all keys with their meaning',
  );
}

/** What is wrong in one sentence: of a key that is none what its pattern wants, of a value that may be several things each of them. */
function sentenceOf(issue: z.core.$ZodIssue): string {
  const inner =
    issue.code === 'invalid_key' ? issue.issues : issue.code === 'invalid_union' ? issue.errors.flat() : [];
  if (inner.length > 0) return [...new Set(inner.map(sentenceOf))].join(', or ');
  const isMissing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  return isMissing ? `missing, expected ${issue.expected}` : issue.message;
}

function findFile(file: string | undefined): string {
  const candidates = file === undefined ? DEFAULT_FILES : [file];
  const found = candidates.map((candidate) => resolve(candidate)).find((candidate) => existsSync(candidate));
  if (found !== undefined) return found;
  throw new TailraceError(
    'CONFIG_NOT_FOUND',
    `no config file: looked for ${candidates.join(' and ')}`,
    'name the file with -c FILE, or run the command in its folder',
  );
}

async function read(path: string): Promise<unknown> {
  if (extname(path) === '.ts' || extname(path) === '.js') return importDefault(path);
  const document = parseDocument(textOf(path));
  const [problem] = document.errors;
  if (problem !== undefined) {
    throw new TailraceError(
      'CONFIG_INVALID',
      `${path} is not YAML: ${toError(problem).message}`,
      'mend the line named above',
    );
  }
  return document.toJS() as unknown;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new TailraceError(
      'CONFIG_INVALID',
      `${path} cannot be read: ${toError(cause).message}`,
      'name a file that you may read with -c FILE',
      { cause },
    );
  }
}

async function importDefault(path: string): Promise<unknown> {
  try {
    const module = (await import(pathToFileURL(path).href)) as { default?: unknown };
    if (module.default !== undefined) return module.default;
  } catch (cause) {
    const error = toError(cause);
    throw new TailraceError(
      'CONFIG_INVALID',
      `${path} cannot be loaded: ${error.message}${placeOf(error, path)}`,
      'mend the file: other packages must be installed beside it, those of Tailrace are imported as "tailrace/...", and Node takes only TypeScript that it can erase (no enums)',
      { cause },
    );
  }
  throw new TailraceError(
    'CONFIG_INVALID',
    `${path} has no default export`,
    'write: export default defineConfig({...})',
  );
}

/** ` (FILE:LINE)`: a mistake of syntax has its place in the first line of the stack, all else in a frame of the config's file. */
function placeOf({ stack = '' }: Error, path: string): string {
  const [first] = /^\/.*:\d+$/m.exec(stack) ?? [];
  const [line] = /^\d+/.exec(stack.split(`${path}:`)[1] ?? '') ?? [];
  const place = first ?? (line === undefined ? undefined : `${path}:${line}`);
  return place === undefined ? '' : ` (${place})`;
}

/** The keys that an object schema at this path allows, found by walking the schema like the value. */
function allowedKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let current: unknown = schema;
  for (const step of path) current = child(unwrap(current), step);
  const shape = (unwrap(current) as { shape?: Record<string, unknown> } | undefined)?.shape;
  return shape === undefined ? [] : Object.keys(shape);
}

function child(schema: unknown, step: PropertyKey): unknown {
  const object = schema as
    { shape?: Record<PropertyKey, unknown>; element?: unknown; valueType?: unknown } | undefined;
  return object?.shape?.[step] ?? object?.element ?? object?.valueType;
}

/** Takes off optional, default and prefault wrappers. */
function unwrap(schema: unknown): unknown {
  let current = schema as { def?: { innerType?: unknown } } | undefined;
  while (current?.def?.innerType !== undefined) current = current.def.innerType as typeof current;
  return current;
}
