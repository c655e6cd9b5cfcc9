/**
 * The messages of Postgres' logical decoding plugin pgoutput. Field order and meaning: PostgreSQL documentation, "Logical
 * Replication Message Formats". LSNs are bigint, times microseconds since 1970, OIDs and transaction ids unsigned.
 */

/** A column's value: text as Postgres prints it, null, or undefined where an unchanged TOAST value was not sent. */
export type TupleValue = string | null | undefined;

/** `Binary` is what the decoder makes of a value in binary form: never, unless one asks the server for such. */
export type Tuple<Binary = never> = readonly (TupleValue | Binary)[];

export interface RelationColumn {
  /** Whether it is part of the replica identity: of the primary key, with the default one. */
  readonly isIdentity: boolean;
  readonly name: string;
  readonly typeOid: number;
  readonly typeModifier: number;
}

/** The messages of protocol 1: a transaction comes whole, after its commit, between `begin` and `commit`. */
export type PgoutputMessage<Binary = never> =
  | { readonly tag: 'begin'; readonly commitLsn: bigint; readonly commitTsUs: number; readonly xid: number }
  | { readonly tag: 'commit'; readonly commitLsn: bigint; readonly endLsn: bigint }
  | { readonly tag: 'origin'; readonly commitLsn: bigint; readonly name: string }
  | ({
      readonly tag: 'relation';
      readonly oid: number;
      readonly schema: string;
      readonly name: string;
      readonly replicaIdentity: 'default' | 'nothing' | 'full' | 'index';
      readonly columns: readonly RelationColumn[];
    } & InStream)
  | ({
      readonly tag: 'type';
      readonly oid: number;
      readonly schema: string;
      readonly name: string;
    } & InStream)
  | ({ readonly tag: 'insert'; readonly oid: number; readonly after: Tuple<Binary> } & InStream)
  | ({
      readonly tag: 'update';
      readonly oid: number;
      /** `key`: only the identity's columns are set, all others null; `full`: the whole old row. */
      readonly oldKind: 'none' | 'key' | 'full';
      readonly before: Tuple<Binary> | null;
      readonly after: Tuple<Binary>;
    } & InStream)
  | ({
      readonly tag: 'delete';
      readonly oid: number;
      readonly oldKind: 'key' | 'full';
      readonly before: Tuple<Binary>;
    } & InStream)
  | ({
      readonly tag: 'truncate';
      readonly oids: readonly number[];
      readonly cascade: boolean;
      readonly restartIdentity: boolean;
    } & InStream)
  | ({
      readonly tag: 'message';
      readonly transactional: boolean;
      readonly lsn: bigint;
      readonly prefix: string;
      /** The content as UTF-8 text. */
      readonly content: string;
    } & InStream);

/** Between `stream-start` and `stream-stop` a message names its (sub)transaction, since that may be rolled back alone. */
interface InStream {
  readonly xid?: number;
}

/**
 * What protocol 2 and later add: parts of transactions that have not committed yet, and two-phase commits. They come only
 * to those who ask for them.
 */
export type StreamedMessage =
  | { readonly tag: 'stream-start'; readonly xid: number; readonly isFirst: boolean }
  | { readonly tag: 'stream-stop' }
  | {
      readonly tag: 'stream-commit';
      readonly xid: number;
      readonly commitLsn: bigint;
      readonly endLsn: bigint;
      readonly commitTsUs: number;
    }
  | {
      readonly tag: 'stream-abort';
      readonly xid: number;
      /** The same as `xid` where the whole transaction is rolled back. */
      readonly subXid: number;
      /** LSN and time; null unless protocol 4 with `streaming 'parallel'` was asked for. */
      readonly abort: { readonly lsn: bigint; readonly tsUs: number } | null;
    }
  | ({ readonly tag: 'begin-prepare' } & Prepared)
  | ({ readonly tag: 'prepare' | 'stream-prepare' } & Prepared)
  | {
      readonly tag: 'commit-prepared';
      readonly commitLsn: bigint;
      readonly endLsn: bigint;
      readonly commitTsUs: number;
      readonly xid: number;
      readonly gid: string;
    }
  | {
      readonly tag: 'rollback-prepared';
      readonly prepareEndLsn: bigint;
      readonly endLsn: bigint;
      readonly prepareTsUs: number;
      readonly rollbackTsUs: number;
      readonly xid: number;
      readonly gid: string;
    };

/** A transaction that waits for COMMIT PREPARED; `gid` is the name that its user gave it. */
export interface Prepared {
  readonly prepareLsn: bigint;
  readonly endLsn: bigint;
  readonly prepareTsUs: number;
  readonly xid: number;
  readonly gid: string;
}
