import { basename, extname } from 'node:path';

const STORE_FILES = ['index.ts', 'config.ts', 'mapping.ts', 'sink.ts', 'errors.ts', 'plan.ts', 'README.md'];

const FOLDERS =
  '.ci bench bin cli consumers core dashboard docs examples infra producers schemas test transforms'.split(
    ' ',
  );
const TOP_LEVEL_FILES = [
  ...'.dockerignore .gitignore .npmrc .nvmrc .oxlintrc.json .prettierignore .prettierrc.json'.split(' '),
  ...'ARCHITECTURE.md CHANGELOG.md CONTRIBUTING.md LICENSE README.md'.split(' '),
  ...'Dockerfile docker-compose.yml package.json package-lock.json tsconfig.json vitest.config.ts'.split(' '),
];

/** Names that say nothing of what is inside. */
const DRAWERS = /^(?:utils?|helpers?|commons?|misc|shared|lib)$/i;

/** The files that a store folder lacks, as `consumers/redis/mapping.ts`. */
export function missingStoreFiles(stores: readonly string[], files: readonly string[]): string[] {
  return stores
    .flatMap((store) => STORE_FILES.map((name) => `${store}/${name}`))
    .filter((file) => !files.includes(file));
}

/** Files and folders of the top level that the architecture does not name. */
export function foreignTopLevelEntries(files: readonly string[]): string[] {
  const entries = files.map((file) => {
    const [first = '', ...rest] = file.split('/');
    return { first, isKnown: (rest.length === 0 ? TOP_LEVEL_FILES : FOLDERS).includes(first) };
  });
  return [...new Set(entries.filter(({ isKnown }) => !isKnown).map(({ first }) => first))];
}

/** Files with a name that says nothing, on any level, and files of code whose name is not kebab-case. */
export function brokenNames(files: readonly string[]): string[] {
  return files.filter((file) => {
    const parts = file.split('/').map((part) => part.replace(/(?<=.)\..*$/, ''));
    if (parts.some((part) => DRAWERS.test(part))) return true;
    return extname(file) === '.ts' && !/^[a-z0-9]+(?:[-.][a-z0-9]+)*\.ts$/.test(basename(file));
  });
}

/** Files of more lines than a reader takes in, as `name: 431 lines`. */
export function longFiles(
  files: readonly string[],
  maxLines: number,
  read: (file: string) => string,
): string[] {
  return files
    .map((file) => ({ file, lines: read(file).split('\n').length - 1 }))
    .filter(({ lines }) => lines > maxLines)
    .map(({ file, lines }) => `${file}: ${lines} lines`);
}
