import { expect, test } from 'vitest';
import { findIdentityProblem, type TableIdentity } from './table-identity.ts';

const FULL_WITH_GENERATED: TableIdentity = {
  root: 1,
  schema: 'public',
  name: 't',
  kind: 'table',
  isPartition: false,
  identity: 'full',
  key: 'id',
  keyName: 't_pkey',
  isKeyDeferrable: false,
  generatedKey: [],
  hasGenerated: true,
  index: null,
  indexHoldsKey: false,
  indexHasGenerated: false,
  keyCandidate: null,
  narrowPartition: null,
  version: 180_000,
};

test('a generated column beside REPLICA IDENTITY FULL is refused from Postgres 18 on, where updates would fail', () => {
  expect(findIdentityProblem(FULL_WITH_GENERATED)?.fix).toBe(
    'ALTER TABLE "public"."t" REPLICA IDENTITY DEFAULT;',
  );
  expect(findIdentityProblem({ ...FULL_WITH_GENERATED, version: 170_009 })).toBeNull();
});

test('a deferrable key is refused beside every identity, and made anew as one that is not', () => {
  const made = 'ALTER TABLE "public"."t" DROP CONSTRAINT "t_pkey", ADD CONSTRAINT "t_pkey" PRIMARY KEY (id)';
  const deferrable = { ...FULL_WITH_GENERATED, hasGenerated: false, isKeyDeferrable: true };
  expect(findIdentityProblem({ ...deferrable, identity: 'default' })?.fix).toBe(`${made};`);
  for (const identity of ['full', 'index', 'nothing'] as const)
    expect(findIdentityProblem({ ...deferrable, identity })?.fix).toBe(`${made}, REPLICA IDENTITY DEFAULT;`);
});
