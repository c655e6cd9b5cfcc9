import fc from 'fast-check';
import type { Target, Write } from '../consumers/sink.ts';
import { makeTarget, remove, upsert } from './sink-contract-model.ts';

/** One change of a history's rows: a new value of a row, its delete, or its move to another key, which is two writes. */
export type KeyChange =
  | { readonly key: number; readonly value: string | null }
  | { readonly key: number; readonly gone: true }
  | { readonly key: number; readonly to: number; readonly value: string | null };

/** What a change does to one key. */
export interface KeyWrite {
  readonly key: number;
  /** Undefined for a delete. */
  readonly value?: string | null;
}

/** Changes of the rows 0 to `keys` - 1: three of six new values, two deletes, one a move. */
export function keyChanges(keys: number): fc.Arbitrary<KeyChange> {
  const key = fc.nat(keys - 1);
  const value = fc.option(fc.string({ maxLength: 6 }));
  return fc.oneof(
    { weight: 3, arbitrary: fc.record({ key, value }) },
    { weight: 2, arbitrary: fc.record({ key, gone: fc.constant(true as const) }) },
    { weight: 1, arbitrary: fc.record({ key, to: key, value }).filter((move) => move.key !== move.to) },
  );
}

/** Postgres tells a change of the primary key as a delete and an insert. */
export function keyWritesOf(change: KeyChange): KeyWrite[] {
  if ('gone' in change) return [{ key: change.key }];
  if ('to' in change) return [{ key: change.key }, { key: change.to, value: change.value }];
  return [change];
}

/** Targets for histories: one with a key of one number, one with a key of a number and a text, in another order. */
export function historyTargets(label: string): readonly [Target, Target] {
  const columns = { name: { kind: 'text' }, step: { kind: 'int4' } } as const;
  return [
    makeTarget(label, ['id'], { id: { kind: 'int8' }, ...columns }),
    makeTarget(`${label}_pairs`, ['b', 'a'], { a: { kind: 'text' }, b: { kind: 'int8' }, ...columns }),
  ];
}

/** The write of a history's row into either of the targets; `mark` is kept in the row. */
export function historyWrite(
  target: Target,
  { value }: KeyWrite,
  at: { readonly id: number; readonly step: number; readonly mark: number },
): Write {
  const key = keyOf(target, BigInt(at.id));
  if (value === undefined) return remove(target, key, at.step);
  return upsert(target, { ...key, name: value, step: at.mark }, at.step);
}

/** Two neighbours share the number of a composite key, and all have one of two texts, one of them the beginning of the other. */
function keyOf({ table }: Target, id: bigint): Readonly<Record<string, bigint | string>> {
  return table.key.length === 1 ? { id } : { a: id % 2n === 0n ? 'x' : 'x:', b: id / 2n };
}
