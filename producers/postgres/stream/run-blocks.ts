import type { CopyRun } from './copy-frames.ts';

const BLOCK_BYTES = 256 * 1024;

interface Block {
  readonly bytes: Buffer;
  used: number;
  /** Runs in it that were not yet released. */
  held: number;
}

/** A run whose bytes stay until it is released. */
export interface KeptRun extends CopyRun {
  readonly block: Block | null;
}

/**
 * Copies runs that must wait into blocks that are used again. What a socket reads is garbage then while it is young; waiting
 * in the queue it would get old, and memory outside of the heap is reclaimed late.
 */
export class RunBlocks {
  #current: Block | null = null;
  readonly #spare: Buffer[] = [];

  keep({ bytes, start, end }: CopyRun): KeptRun {
    const length = end - start;
    if (length > BLOCK_BYTES) return { bytes, start, end, block: null };
    if (this.#current === null || this.#current.used + length > BLOCK_BYTES)
      this.#current = { bytes: this.#spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES), used: 0, held: 0 };
    const block = this.#current;
    const at = block.used;
    bytes.copy(block.bytes, at, start, end);
    block.used += length;
    block.held += 1;
    return { bytes: block.bytes, start: at, end: at + length, block };
  }

  /** The run's bytes may be overwritten from now on. */
  release({ block }: KeptRun): void {
    if (block === null) return;
    block.held -= 1;
    if (block.held > 0) return;
    if (block === this.#current) block.used = 0;
    else this.#spare.push(block.bytes);
  }
}
