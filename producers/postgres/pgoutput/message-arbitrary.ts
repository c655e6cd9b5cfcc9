import fc from 'fast-check';
import type { PgoutputMessage, StreamedMessage } from './messages.ts';

type Message = PgoutputMessage<Uint8Array> | StreamedMessage;

/** Plain objects, as the decoder makes them. */
const record = <Fields>(model: { [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> }) =>
  fc.record<Fields>(model, { noNullPrototype: true });

export const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const lsn = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
/** The years that a number holds to the microsecond. */
const tsUs = fc.integer({ min: -8_000_000_000_000_000, max: 9_000_000_000_000_000 });
const text = fc.string({ unit: 'binary', maxLength: 40 }).map((value) => value.toWellFormed());
const name = text.map((value) => value.replaceAll('\0', ''));
const schema = name.map((value) => value || 'pg_catalog');

const mostlyAscii = fc
  .tuple(fc.string({ maxLength: 20 }), fc.constantFrom('', 'é', '日', '🙂'), fc.string({ maxLength: 20 }))
  .map((parts) => parts.join(''));

const value = fc.oneof(
  { weight: 2, arbitrary: text },
  { weight: 2, arbitrary: mostlyAscii },
  fc.string({ maxLength: 300 }).map((ascii) => ascii.repeat(20)),
  fc.uint8Array({ maxLength: 40 }),
  fc.constantFrom(null, undefined),
);
const tuple = fc.array(value, { maxLength: 12 });

const tag = <Tag extends Message['tag']>(given: Tag) => fc.constant(given);
const prepared = { prepareLsn: lsn, endLsn: lsn, prepareTsUs: tsUs, xid: uint32, gid: name };

const before = fc.oneof(
  fc.constant({ oldKind: 'none' as const, before: null }),
  record({ oldKind: fc.constantFrom('key' as const, 'full' as const), before: tuple }),
);

/** For tests: what can stand inside of a stream. */
export const change: fc.Arbitrary<Message> = fc.oneof(
  record({ tag: tag('insert'), oid: uint32, after: tuple }),
  record({ tag: tag('update'), oid: uint32, after: tuple, old: before }).map(({ old, ...update }) => ({
    ...update,
    ...old,
  })),
  record({
    tag: tag('delete'),
    oid: uint32,
    oldKind: fc.constantFrom('key' as const, 'full' as const),
    before: tuple,
  }),
  record({
    tag: tag('relation'),
    oid: uint32,
    schema,
    name,
    replicaIdentity: fc.constantFrom(
      'default' as const,
      'nothing' as const,
      'full' as const,
      'index' as const,
    ),
    columns: fc.array(
      record({
        isIdentity: fc.boolean(),
        name,
        typeOid: uint32,
        typeModifier: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      }),
    ),
  }),
  record({ tag: tag('type'), oid: uint32, schema, name }),
  record({
    tag: tag('truncate'),
    oids: fc.array(uint32),
    cascade: fc.boolean(),
    restartIdentity: fc.boolean(),
  }),
  record({ tag: tag('message'), transactional: fc.boolean(), lsn, prefix: name, content: text }),
);

/** For tests: what can stand outside of a stream. */
export const message: fc.Arbitrary<Message> = fc.oneof(
  { weight: 5, arbitrary: change },
  record({ tag: tag('begin'), commitLsn: lsn, commitTsUs: tsUs, xid: uint32 }),
  record({ tag: tag('commit'), commitLsn: lsn, endLsn: lsn }),
  record({ tag: tag('origin'), commitLsn: lsn, name }),
  record({ tag: tag('stream-commit'), xid: uint32, commitLsn: lsn, endLsn: lsn, commitTsUs: tsUs }),
  record({
    tag: tag('stream-abort'),
    xid: uint32,
    subXid: uint32,
    abort: fc.option(record({ lsn, tsUs })),
  }),
  record({ tag: tag('begin-prepare'), ...prepared }),
  record({ tag: fc.constantFrom('prepare' as const, 'stream-prepare' as const), ...prepared }),
  record({
    tag: tag('commit-prepared'),
    commitLsn: lsn,
    endLsn: lsn,
    commitTsUs: tsUs,
    xid: uint32,
    gid: name,
  }),
  record({
    tag: tag('rollback-prepared'),
    prepareEndLsn: lsn,
    endLsn: lsn,
    prepareTsUs: tsUs,
    rollbackTsUs: tsUs,
    xid: uint32,
    gid: name,
  }),
);
