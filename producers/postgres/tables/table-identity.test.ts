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

test('a deferrable key is mended by FULL, where a generated column does not forbid it', () => {
  const deferrable = { ...FULL_WITH_GENERATED, identity: 'default' as const, isKeyDeferrable: true };
  expect(findIdentityProblem({ ...deferrable, version: 170_009 })?.fix).toContain('REPLICA IDENTITY FULL;');
  expect(findIdentityProblem(deferrable)?.fix).toContain('ADD CONSTRAINT "t_pkey" PRIMARY KEY (id);');
});
