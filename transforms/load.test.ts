import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bindTransforms } from './chain.ts';
import { loadTransforms } from './load.ts';
import { austin, eventOf, places } from './test-event.ts';
import { TransformError } from './transform-error.ts';

let folder: string;
let files = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tailrace-transforms-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Writes a module into the config's folder; the name is new each time, since Node loads a file once. */
async function moduleWith(code: string, extension = 'ts'): Promise<string> {
  const path = `./module-${++files}.${extension}`;
  await writeFile(join(folder, path), code);
  return path;
}

async function loaded(code: string) {
  const path = await moduleWith(code);
  return { path, transforms: await loadTransforms([{ module: path }], folder) };
}

const event = eventOf(places, 'u', austin, { id: 7n });

describe('built-in transforms', () => {
  test('the transforms of the list are applied in order', async () => {
    const transforms = await loadTransforms(
      [
        { filterRows: { where: { column: 'active', equals: true } } },
        { renameColumns: { columns: { email: 'mail' } } },
        { maskColumns: { columns: ['mail'], with: 'partial' } },
      ],
      folder,
    );
    const bound = bindTransforms(transforms, places);
    expect(bound.table.columns[2]?.name).toBe('mail');
    expect(bound.apply(event)?.after).toMatchObject({ mail: 'm***@austin.example' });
    expect(bound.apply(eventOf(places, 'c', { ...austin, active: false }))).toBeNull();
  });

  test('without transforms the table and its events stay as they are', async () => {
    const bound = bindTransforms(await loadTransforms([], folder), places);
    expect(bound.table).toBe(places);
    expect(bound.apply(event)).toBe(event);
  });

  test.each([
    [
      { maskColumn: {} },
      'no such transform (did you mean "maskColumns"?); there are filterRows, maskColumns,',
    ],
    [{ RENAME: {} }, 'did you mean "renameColumns"?'],
    [{ constructor: {} }, 'no such transform; there are filterRows, maskColumns, renameColumns, module'],
    [{ filterRows: {}, maskColumns: {} }, 'a list entry holds one transform'],
    [{}, 'a list entry holds one transform'],
    [{ module: 3 }, 'expected the path of a file'],
    [{ maskColumns: null }, 'its options are wrong: Invalid input: expected object, received null'],
    [
      { maskColumns: { colums: ['x'], columns: 'x', with: 'redact' } },
      'columns: Invalid input: expected array, received string; unknown key "colums"; allowed: tables, columns, with, salt',
    ],
    [
      { filterRows: { where: [{ column: 'x', like: 'y' }] } },
      'where.0: unknown key "like"; allowed: column, equals, notEquals',
    ],
  ])('%j is refused', async (entry, problem) => {
    const loading = loadTransforms([entry], folder);
    await expect(loading).rejects.toThrow(TransformError);
    await expect(loading).rejects.toThrow(problem);
  });
});

describe("a user's own module", () => {
  test('a function in TypeScript gets the event and keeps the schema', async () => {
    const { transforms } = await loaded(
      `type Row = Record<string, unknown>;
       export default (event: { after: Row | null }) =>
         event.after === null ? event : { ...event, after: { ...event.after, name: 'X' } };`,
    );
    const bound = bindTransforms(transforms, places);
    expect(bound.table).toBe(places);
    expect(bound.apply(event)).toStrictEqual({ ...event, after: { ...austin, name: 'X' } });
  });

  test('JavaScript works too, and null ends the event', async () => {
    const path = await moduleWith('export default () => null;', 'js');
    expect(bindTransforms(await loadTransforms([{ module: path }], folder), places).apply(event)).toBeNull();
  });

  test('an object can change the schema, and its apply gets the new one', async () => {
    const { transforms } = await loaded(
      `export default {
         size: 'large',
         schema(table) {
           return { ...table, columns: [...table.columns, { name: 'size', type: 'text', kind: 'text', nullable: true }] };
         },
         apply(event, output) {
           if (output.columns.at(-1).name !== 'size') throw new Error('no size');
           return { ...event, after: { ...event.after, size: this.size } };
         },
       };`,
    );
    const bound = bindTransforms(transforms, places);
    const out = bound.apply(event);
    expect(out?.table).toBe(bound.table);
    expect(out?.after).toMatchObject({ name: 'Austin', size: 'large' });
  });

  test.each([
    ['undefined', 'it returned nothing'],
    ['Promise.resolve(event)', 'it returned a promise; transforms are synchronous'],
    ['Promise.reject(new Error("secret"))', 'transforms are synchronous'],
    ['[event]', 'it returned an array instead of an event'],
    ['({ ...event, position: "0" })', 'it changed the position'],
    ['({ ...event, op: "x" })', 'op other than'],
    ['({ ...event, after: null })', 'after: null exactly when its op is "d"'],
    ['({ ...event, key: {} })', 'exactly these columns, none of them null: id'],
    ['({ ...event, key: { id: null } })', 'exactly these columns, none of them null: id'],
    ['({ ...event, key: { id: 8n } })', 'column "id" differs in its key and in its after'],
    ['({ ...event, after: [] })', 'its after is an array'],
    ['({ ...event, after: { id: 7n } })', 'its after lacks the column "name"'],
    ['({ ...event, after: { ...event.after, size: 1 } })', 'its after has the column "size"'],
    [
      '({ ...event, after: { ...event.after, id: 7 } })',
      '"id" (int8) of its after is a number instead of a bigint',
    ],
    ['({ ...event, after: { ...event.after, founded: new Date() } })', 'is an object instead of a string'],
    ['({ ...event, before: { id: undefined } })', '"id" (int8) of its before is undefined'],
  ])('%s is no event', async (expression, problem) => {
    const { path, transforms } = await loaded(`export default (event) => ${expression};`);
    const bound = bindTransforms(transforms, places);
    expect(() => bound.apply(event)).toThrow(`transform ${path} on public.places: `);
    expect(() => bound.apply(event)).toThrow(problem);
  });

  test('what a module throws is told with its place and without any value', async () => {
    const { transforms } = await loaded(
      'export default (event) => {\n  return BigInt(event.after.email);\n};',
    );
    const error = thrownBy(() => bindTransforms(transforms, places).apply(event));
    expect(error).toBeInstanceOf(TransformError);
    expect(error.message).toMatch(/it threw SyntaxError at module-\d+\.ts:2:\d+$/);
    expect(`${error.stack} ${String(error.cause)}`).not.toContain('mayor@austin.example');
  });

  test.each([
    ['{ ...table, name: "other" }', 'it changed the name of the table'],
    ['{ ...table, columns: table.columns.slice(1) }', 'uses the column "id", which it no longer has'],
    ['{ ...table, columns: [...table.columns, table.columns[1]] }', 'two columns of one name'],
    ['{ ...table, columns: 3 }', 'it returned no table schema'],
    ['Promise.resolve(table)', 'it returned no table schema'],
    ['table.nothing.here', 'Cannot read properties of undefined'],
  ])('a schema() that returns %s is refused', async (expression, problem) => {
    const { transforms } = await loaded(
      `export default { schema: (table) => (${expression}), apply: (event) => event };`,
    );
    expect(() => bindTransforms(transforms, places)).toThrow(problem);
  });

  test.each([
    ['export const transform = 1;', 'its default export is neither a function nor an object'],
    ['export default { apply: 1 };', 'its default export is neither'],
    ['export default { apply: () => null, schema: {} };', 'its default export is neither'],
    ['throw new Error("not today");', 'the module cannot be loaded: not today'],
    ["import './absent.ts'; export default () => null;", 'the module cannot be loaded'],
    ['export default (', 'the module cannot be loaded'],
  ])('the module "%s" is refused', async (code, problem) => {
    await expect(loaded(code)).rejects.toThrow(problem);
  });

  test('a file that is not there is named with the folder that the path starts from', async () => {
    const loading = loadTransforms([{ module: './rank.ts' }], folder);
    await expect(loading).rejects.toThrow(`transform ./rank.ts: there is no file ${join(folder, 'rank.ts')}`);
  });
});

test('the example of docs/transforms.md works as written', async () => {
  const root = resolve(import.meta.dirname, '..');
  const page = await readFile(join(root, 'docs/transforms.md'), 'utf8');
  const [, code = ''] = /```ts\n([^]*?)```/.exec(page) ?? [];
  await mkdir(join(folder, 'node_modules'));
  await symlink(root, join(folder, 'node_modules/tailrace'));
  const { transforms } = await loaded(code);
  const bound = bindTransforms(transforms, places);
  expect(bound.apply(event)?.after).toMatchObject({ name: 'Austin', size: 'city' });
  expect(bound.apply(eventOf(places, 'u', { ...austin, active: false }))).toMatchObject({
    op: 'd',
    after: null,
  });
  expect(bound.apply(eventOf(places, 'd', { id: 7n }))).toMatchObject({ op: 'd', table: bound.table });
});

function thrownBy(action: () => unknown): Error {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof Error) return thrown;
  }
  throw new Error('nothing was thrown');
}
