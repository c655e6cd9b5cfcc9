import type { z } from 'zod';
import { transform as filterRows } from './filter-rows.ts';
import { transform as maskColumns } from './mask-columns.ts';
import { transform as renameColumns } from './rename-columns.ts';
import { TransformError } from './transform-error.ts';
import type { Transform, TransformModule } from './transform.ts';
import { loadUserTransform } from './user-transform.ts';

/** Every built-in transform by its verb in the config. */
const BUILT_IN: ReadonlyMap<string, TransformModule> = new Map<string, TransformModule>([
  ['filterRows', filterRows],
  ['maskColumns', maskColumns],
  ['renameColumns', renameColumns],
]);
const MODULE = 'module';

/**
 * The transforms of a config's list, in order: each entry is `{ verb: options }`, or `{ module: path }` for a user's own
 * file. `folder` is the config's, from which the paths start. Throws TransformError.
 */
export async function loadTransforms(
  entries: readonly Readonly<Record<string, unknown>>[],
  folder: string,
): Promise<Transform[]> {
  const transforms: Transform[] = [];
  for (const entry of entries) transforms.push(await loadTransform(entry, folder));
  return transforms;
}

async function loadTransform(entry: Readonly<Record<string, unknown>>, folder: string): Promise<Transform> {
  const [first, ...others] = Object.entries(entry);
  if (first === undefined || others.length > 0)
    throw new TransformError(
      Object.keys(entry).join(', ') || '(empty)',
      null,
      'a list entry holds one transform',
      'begin a new list entry, "- verb: {...}", for each transform',
    );
  const [verb, given] = first;
  if (verb === MODULE) return loadUserTransform(modulePath(given), folder);
  const module = BUILT_IN.get(verb);
  if (module === undefined) throw unknownVerb(verb);
  return createBuiltIn(verb, module, given);
}

function createBuiltIn(verb: string, module: TransformModule, given: unknown): Transform {
  const parsed = module.options.safeParse(given);
  if (parsed.success) return module.create(parsed.data);
  throw new TransformError(
    verb,
    null,
    `its options are wrong: ${parsed.error.issues.map(problemOf).join('; ')}`,
    'correct the options named; docs/transforms.md describes each transform',
  );
}

function problemOf(issue: z.core.$ZodIssue): string {
  return issue.path.length === 0 ? issue.message : `${issue.path.map(String).join('.')}: ${issue.message}`;
}

function modulePath(given: unknown): string {
  if (typeof given === 'string' && given !== '') return given;
  throw new TransformError(
    MODULE,
    null,
    'expected the path of a file',
    'write for example "- module: ./transforms/rank.ts"',
  );
}

function unknownVerb(verb: string): TransformError {
  const known = [...BUILT_IN.keys(), MODULE];
  const nearest = known.find((candidate) => startOf(candidate) === startOf(verb));
  const hint = nearest === undefined ? '' : ` (did you mean "${nearest}"?)`;
  return new TransformError(
    verb,
    null,
    `there is no such transform${hint}; there are ${known.join(', ')}`,
    'correct the name, or name your own file with "- module: ./file.ts"',
  );
}

/** The verbs differ from their first letters on, and people mistype ends and case: `mask`, `maskColumn`, `Rename_Columns`. */
function startOf(verb: string): string {
  return verb.toLowerCase().slice(0, 4);
}
