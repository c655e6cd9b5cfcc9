import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { pacedReads } from './paced-reads.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A stream that only tells whether it flows. */
function pausable() {
  const stream = {
    isFlowing: true,
    pause: () => void (stream.isFlowing = false),
    resume: () => void (stream.isFlowing = true),
  };
  return stream;
}

/** One turn of the event loop with these reads; no time passes. */
function turn(reads: ReturnType<typeof pacedReads>, ...sizes: number[]): void {
  for (const size of sizes) reads.afterRead(size);
  vi.advanceTimersByTime(0);
}

function load(reads: ReturnType<typeof pacedReads>): void {
  for (let turns = 0; turns < 8; turns++) turn(reads, 500);
}

test('a few reads in a millisecond do not wait, however many reads one turn has', () => {
  const stream = pausable();
  const reads = pacedReads(stream);
  for (let milliseconds = 0; milliseconds < 100; milliseconds++) {
    for (let turns = 0; turns < 7; turns++) turn(reads, 500, 500, 500, 500);
    expect(stream.isFlowing).toBe(true);
    vi.advanceTimersByTime(1);
  }
});

test('under load the stream rests a millisecond after each turn, until one finds little', () => {
  const stream = pausable();
  const reads = pacedReads(stream);
  load(reads);
  for (let rests = 0; rests < 5; rests++) {
    expect(stream.isFlowing).toBe(false);
    vi.advanceTimersByTime(1);
    expect(stream.isFlowing).toBe(true);
    turn(reads, 20_000);
  }
  vi.advanceTimersByTime(1);
  turn(reads, 500);
  expect(stream.isFlowing).toBe(true);
});

test('under load a turn that found much is followed by the next at once', () => {
  const stream = pausable();
  const reads = pacedReads(stream);
  load(reads);
  vi.advanceTimersByTime(1);
  turn(reads, 65_536, 65_536);
  expect(stream.isFlowing).toBe(true);
  turn(reads, 500);
  expect(stream.isFlowing).toBe(false);
});

test('the end of a rest does not start a stream that its reader has paused', () => {
  const stream = pausable();
  const reads = pacedReads(stream);
  load(reads);
  reads.pause();
  vi.advanceTimersByTime(1);
  expect(stream.isFlowing).toBe(false);
  reads.resume();
  expect(stream.isFlowing).toBe(true);
});
