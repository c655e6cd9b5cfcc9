/** A wish that a table be read (again). */
export interface SnapshotRequest {
  /** A request is carried out once, however often it is made. */
  readonly id: string;
  /** An SQL condition that picks the rows; absent for all. */
  readonly where?: string;
}

/** A place in a table, and the rows before it. */
export interface SnapshotPlace {
  readonly lastKey: readonly string[];
  readonly rows: number;
}

/** How far the snapshot of a table has come; kept in the state topic, in one request with the rows themselves. */
export interface SnapshotProgress {
  /** Texts of the last key's columns, or the last place in a table without key; null before the first chunk. */
  readonly lastKey: readonly string[] | null;
  readonly rows: number;
  readonly done: boolean;
  /** The table's; one that was made anew under the same name has another. Absent in records of older versions. */
  readonly oid?: number;
  /** The request that is or was carried out last; absent for the initial load. */
  readonly request?: SnapshotRequest;
  /** The ids of the last requests, newest last. */
  readonly requestIds?: readonly string[];
  /** Requests that come after this one. */
  readonly waiting?: readonly SnapshotRequest[];
  /**
   * Where it stands once the rows have arrived that left with this record: when each partition of the topic (by number) has
   * come to this position.
   */
  readonly leaving?: SnapshotPlace & { readonly ends: Readonly<Record<string, string>> };
  /** SQLSTATE with which the last request failed. */
  readonly failure?: string;
}

export const SNAPSHOT_START: SnapshotProgress = { lastKey: null, rows: 0, done: false };

/** So many requests of a table are told from new ones. */
const REMEMBERED_REQUESTS = 32;

/**
 * The progress after a request, or null when the request is known already. One for all rows begins at once, since it
 * covers whatever was under way; one with a condition waits for that.
 */
export function afterRequest(
  progress: SnapshotProgress | undefined,
  request: SnapshotRequest,
): SnapshotProgress | null {
  const known = progress?.requestIds ?? [];
  if (known.includes(request.id)) return null;
  const requestIds = [...known, request.id].slice(-REMEMBERED_REQUESTS);
  if (progress === undefined || progress.done || request.where === undefined)
    return { ...SNAPSHOT_START, request, requestIds };
  return { ...progress, requestIds, waiting: [...(progress.waiting ?? []), request] };
}

/** What comes after a run that is done: the next request that waited, or the same progress. */
export function afterRun(progress: SnapshotProgress): SnapshotProgress {
  const [request, ...waiting] = progress.waiting ?? [];
  if (!progress.done || request === undefined) return progress;
  const { requestIds = [], oid } = progress;
  return {
    ...SNAPSHOT_START,
    ...(oid === undefined ? {} : { oid }),
    request,
    requestIds,
    ...(waiting.length === 0 ? {} : { waiting }),
  };
}

/**
 * The progress as the topic's last positions show it. When the rows that left with the record have not arrived everywhere,
 * all of them are read again.
 */
export function arrived(
  { leaving, ...progress }: SnapshotProgress,
  lastPositions: readonly (string | null)[],
): SnapshotProgress {
  if (leaving === undefined) return progress;
  const { ends, ...place } = leaving;
  const isThere = Object.entries(ends).every(
    ([partition, end]) => (lastPositions[Number(partition)] ?? '') >= end,
  );
  return isThere ? { ...progress, ...place } : progress;
}

/** The same run from its beginning. */
export function anew(progress: SnapshotProgress): SnapshotProgress {
  return { ...progress, ...SNAPSHOT_START };
}

/** Whether a request is over: carried out, failed, or covered by a later one. */
export function isOver(progress: SnapshotProgress | undefined, id: string): boolean {
  if (progress?.requestIds?.includes(id) !== true) return false;
  if (progress.waiting?.some((request) => request.id === id) === true) return false;
  return progress.request?.id !== id || progress.done;
}
