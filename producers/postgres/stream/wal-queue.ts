import type { CopyRun } from './copy-frames.ts';
import { RunBlocks, type KeptRun } from './run-blocks.ts';
import type { WalItem } from './wal-item.ts';

/** What has arrived and waits for its reader, still as bytes: they are decoded when they are asked for. */
export interface WalQueue {
  /** Called when too much waits, and when little enough waits again. */
  onFull: () => void;
  onDrained: () => void;
  push(run: CopyRun): void;
  /** The reader meets the error behind all that came before it. */
  fail(error: Error): void;
  /** The reader ends with the transaction that it is in. */
  stop(): void;
  /** The reader ends with its next step. */
  readonly end: () => void;
  read(): AsyncGenerator<readonly WalItem[], void>;
}

const FULL_BYTES = 4 * 1024 * 1024;
const DRAINED_BYTES = FULL_BYTES / 2;
/** What a run costs beside its bytes: many small ones must count too. */
const RUN_BYTES = 256;
/** The reader gets at most this many items at once, and the rest of the run that the last one was in. Few, so that they die young. */
const BATCH_ITEMS = 64;

export function createWalQueue(readRun: (run: CopyRun, into: WalItem[]) => void): WalQueue {
  const blocks = new RunBlocks();
  let waiting: KeptRun[] = [];
  /** The place of the first run that was not yet read. */
  let next = 0;
  let waitingBytes = 0;
  let isFull = false;
  let failure: Error | null = null;
  let isStopping = false;
  let hasEnded = false;
  /** Whether what the reader has taken ends inside of a transaction. */
  let isInTransaction = false;
  /** Resolves the reader's wait. */
  let wake = () => {};

  const take = (): WalItem[] => {
    const items: WalItem[] = [];
    for (; next < waiting.length && items.length < BATCH_ITEMS; next++) {
      const run = waiting[next];
      if (run === undefined) break;
      waitingBytes -= sizeOf(run);
      readRun(run, items);
      blocks.release(run);
    }
    if (next === waiting.length) {
      waiting = [];
      next = 0;
    }
    isInTransaction = endsInside(items) ?? isInTransaction;
    if (isFull && waitingBytes <= DRAINED_BYTES) {
      isFull = false;
      queue.onDrained();
    }
    return items;
  };

  const queue: WalQueue = {
    onFull: () => {},
    onDrained: () => {},
    push: (run) => {
      waiting.push(blocks.keep(run));
      waitingBytes += sizeOf(run);
      if (!isFull && waitingBytes >= FULL_BYTES) {
        isFull = true;
        queue.onFull();
      }
      wake();
    },
    fail: (error) => {
      failure ??= error;
      wake();
    },
    stop: () => {
      isStopping = true;
      wake();
    },
    end: () => {
      hasEnded = true;
      wake();
    },
    read: async function* () {
      for (;;) {
        if (hasEnded || (isStopping && !isInTransaction)) return;
        const items = take();
        if (items.length > 0) {
          yield items;
          continue;
        }
        if (failure !== null) throw failure;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
  return queue;
}

function sizeOf({ start, end }: CopyRun): number {
  return end - start + RUN_BYTES;
}

/** Whether the last of these items belongs to a transaction that goes on; undefined when they do not tell. */
function endsInside(items: readonly WalItem[]): boolean | undefined {
  for (let place = items.length - 1; place >= 0; place--) {
    const item = items[place];
    if (item === undefined || !('message' in item)) continue;
    if (item.message.tag === 'begin') return true;
    if (item.message.tag === 'commit') return false;
  }
  return undefined;
}
