/** What of a socket is needed here. */
interface PausableStream {
  pause(): unknown;
  resume(): unknown;
}

export interface PacedReads {
  /** To be called with the size of each read. */
  afterRead(bytes: number): void;
  /** No read follows before `resume`. */
  readonly pause: () => void;
  readonly resume: () => void;
}

/** So many turns of the event loop with a read, within one millisecond, are a load and not a few commits. */
const LOAD_TURNS = 8;
/** A load ends with a turn after a rest that found less than this. */
const LOAD_BYTES = 4 * 1024;
/** Where a turn found this much, the reader is the slower side and needs no rest. */
const MUCH_BYTES = 128 * 1024;
const REST_MS = 1;

/**
 * Lets bytes gather in the kernel while there is a load. Postgres sends each change by itself, so a process that is fast
 * enough wakes up and reads for every two or three rows, at more CPU than decoding them takes (docs/decisions/0008). Under
 * load it rests for a millisecond after each turn that found little; without load, nothing waits. A turn is one of the
 * event loop and not one read, since under TLS each record is a read of its own.
 */
export function pacedReads(stream: PausableStream): PacedReads {
  let isPaused = false;
  let isUnderLoad = false;
  let hasRested = false;
  let turnBytes = 0;
  let millisecond = 0;
  let turns = 0;

  const goOn = () => {
    if (!isPaused) stream.resume();
  };
  const rest = () => {
    hasRested = true;
    stream.pause();
    setTimeout(goOn, REST_MS);
  };
  const isLoadAfter = (bytes: number): boolean => {
    if (isUnderLoad) return !hasRested || bytes >= LOAD_BYTES;
    const now = Date.now();
    turns = now === millisecond ? turns + 1 : 1;
    millisecond = now;
    return turns >= LOAD_TURNS;
  };
  const endTurn = () => {
    const bytes = turnBytes;
    turnBytes = 0;
    isUnderLoad = isLoadAfter(bytes);
    hasRested = false;
    if (isUnderLoad && bytes < MUCH_BYTES) rest();
  };

  return {
    afterRead: (bytes) => {
      if (turnBytes === 0) setImmediate(endTurn);
      turnBytes += bytes;
    },
    pause: () => {
      isPaused = true;
      stream.pause();
    },
    resume: () => {
      isPaused = false;
      stream.resume();
    },
  };
}
