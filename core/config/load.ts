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
    if (issue.code !== 'unrecognized_keys') return `${path}: ${issue.message}`;
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
  if (extname(path) === '.ts' || extname(path) === '.js') {
    const module = (await import(pathToFileURL(path).href)) as { default?: unknown };
    return module.default;
  }
  const document = parseDocument(readFileSync(path, 'utf8'));
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
