/** Rows by table name (without schema). */
export type RowCounts = Record<string, number>;

/** Row changes of one table, by what was done. */
export interface ChangeCounts {
  insert: number;
  update: number;
  delete: number;
}

export interface LoadProgress {
  /** The table being filled, without schema. */
  table: string;
  /** Rows sent so far in this table. */
  rows: number;
  /** About how many rows this table will have. */
  expectedRows: number;
}

export interface LoadOptions {
  /** An empty Postgres database. */
  url: string;
  /** Size of the data, 1 = full size. An example of fixed size ignores it. */
  scale?: number;
  /** The same seed and scale give the same rows. */
  seed?: number;
  onProgress?: (progress: LoadProgress) => void;
}

/** Running totals of a workload. Only committed changes are counted. */
export interface WorkloadTotals {
  /** Committed row changes by table name (without schema). */
  changes: Record<string, ChangeCounts>;
  committedTransactions: number;
  /** Transactions rolled back, on purpose or because Postgres asked for it (deadlock). */
  rolledBackTransactions: number;
  /** Transactions whose commit was under way when the connection broke: Postgres may hold them, `changes` does not. */
  unknownTransactions: number;
  reconnects: number;
}

export interface WorkloadOptions {
  url: string;
  /** Row changes per second. */
  rate: number;
  /** Ends the workload: it finishes its transaction, disconnects and returns. */
  signal: AbortSignal;
  seed?: number;
  /** Called after each transaction and each lost connection, with the same object that is returned; keep it cheap. */
  onProgress?: (totals: WorkloadTotals) => void;
}

/** A sample database with its own life: what the demo can load, change and compare. */
export interface Example {
  name: string;
  /** Every table, with schema: `public.contacts`. */
  tables: readonly string[];
  /**
   * Makes the tables and their rows in one transaction: all of it or nothing. Returns the number of rows of each table.
   * Fails when the database already holds one of the tables, or cannot be reached.
   */
  load(options: LoadOptions): Promise<RowCounts>;
  /**
   * Changes rows at a steady rate until the signal fires. Fails at once when the first connection fails; a connection
   * lost later is made again with back-off, for as long as it takes.
   */
  workload(options: WorkloadOptions): Promise<WorkloadTotals>;
}
