/**
 * The messages of Postgres' logical decoding plugin pgoutput, protocol version 1. Field order and meaning:
 * PostgreSQL documentation, "Logical Replication Message Formats".
 */

/** A column's value: text as Postgres prints it, null, or undefined where an unchanged TOAST value was not sent. */
export type TupleValue = string | null | undefined;
export type Tuple = readonly TupleValue[];

export interface RelationColumn {
  readonly name: string;
  readonly typeOid: number;
  readonly typeModifier: number;
}

export type PgoutputMessage =
  | { readonly tag: 'begin'; readonly commitLsn: bigint; readonly commitTsUs: number; readonly xid: number }
  | { readonly tag: 'commit'; readonly commitLsn: bigint; readonly endLsn: bigint }
  | { readonly tag: 'origin'; readonly name: string }
  | {
      readonly tag: 'relation';
      readonly oid: number;
      readonly schema: string;
      readonly name: string;
      readonly replicaIdentity: 'default' | 'nothing' | 'full' | 'index';
      readonly columns: readonly RelationColumn[];
    }
  | { readonly tag: 'type'; readonly oid: number; readonly schema: string; readonly name: string }
  | { readonly tag: 'insert'; readonly oid: number; readonly after: Tuple }
  | {
      readonly tag: 'update';
      readonly oid: number;
      /** `key`: only the identity's columns are set, all others null; `full`: the whole old row. */
      readonly oldKind: 'none' | 'key' | 'full';
      readonly before: Tuple | null;
      readonly after: Tuple;
    }
  | { readonly tag: 'delete'; readonly oid: number; readonly oldKind: 'key' | 'full'; readonly before: Tuple }
  | {
      readonly tag: 'truncate';
      readonly oids: readonly number[];
      readonly cascade: boolean;
      readonly restartIdentity: boolean;
    }
  | {
      readonly tag: 'message';
      readonly transactional: boolean;
      readonly lsn: bigint;
      readonly prefix: string;
      readonly content: string;
    };
