import { expect, test } from 'vitest';
import { fingerprintOf, type TableSchema } from '../schemas/table-schema.ts';
import { Routes, type RoutedTables } from './routes.ts';

const schema = (...names: string[]): TableSchema => ({
  schema: 'public',
  name: 't',
  columns: names.map((name) => ({ name, type: 'text', kind: 'text' as const, nullable: true })),
  key: ['id'],
  foreignKeys: [],
});
const [older, newer] = [schema('id'), schema('id', 'more')];
const told = (...schemas: TableSchema[]): RoutedTables => ({
  tables: [{ schema: 'public', name: 't', topic: 'p.public.t', fingerprint: fingerprintOf(schemas.at(-1) as TableSchema) }],
  schemas: new Map(schemas.map((table) => [fingerprintOf(table), table])),
}); // prettier-ignore

function openRoutes(read: () => Promise<RoutedTables>): Routes {
  const mapping = {
    bind: (table: TableSchema) => ({ target: { name: 't', table }, apply: () => [] }),
  };
  return new Routes(read, { patterns: undefined, mapping });
}

test('looks that are asked for at once come one after the other, so that the newest stands in the end', async () => {
  const answers = [Promise.withResolvers<RoutedTables>(), Promise.withResolvers<RoutedTables>()];
  let asked = 0;
  const routes = openRoutes(() => answers[asked++]?.promise ?? Promise.reject(new Error('asked too often')));
  const looks = [routes.load(), routes.loadUnknown([fingerprintOf(newer)])];
  answers[1]?.resolve(told(older, newer));
  answers[0]?.resolve(told(older));
  await Promise.all(looks);
  expect(routes.targets).toMatchObject([{ table: newer }]);
});

test('a schema that is known by now is not looked for again, and none is forgotten', async () => {
  const answers = [told(older, newer), told(newer)];
  const routes = openRoutes(() => {
    const next = answers.shift();
    return next === undefined ? Promise.reject(new Error('asked too often')) : Promise.resolve(next);
  });
  const fingerprints = [fingerprintOf(older), fingerprintOf(newer)];
  await Promise.all([routes.loadUnknown(fingerprints), routes.loadUnknown(fingerprints)]);
  expect(await routes.load()).toBe(true);
  expect([...routes.schemas.keys()].toSorted()).toEqual(fingerprints.toSorted());
});
