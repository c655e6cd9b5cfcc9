import { describe, expect, test } from 'vitest';
import {
  findPositionProblem,
  type FoundSlot,
  type PositionEvidence,
  type RecordedPosition,
} from './position-check.ts';

const KNOWN: RecordedPosition = {
  slot: 'shop_tailrace',
  systemIdentifier: '7',
  timeline: 1,
  confirmedLsn: '0/200',
};
const SLOT: FoundSlot = { confirmedLsn: 0x200n, walStatus: 'reserved', invalidation: null };
const SOURCE = { systemIdentifier: '7', database: 'shop', timeline: 1, writtenLsn: 0x300n };

function problem(changes: Partial<PositionEvidence>): string | null {
  return findPositionProblem({
    known: KNOWN,
    source: SOURCE,
    history: [],
    slot: SLOT,
    sentLsn: null,
    ...changes,
  });
}

describe('the stream can go on', () => {
  test.each<[string, Partial<PositionEvidence>]>([
    ['where it ended', {}],
    [
      'from a slot behind the record, as after a crash of either side',
      { slot: { ...SLOT, confirmedLsn: 0x100n } },
    ],
    ['from a slot that is only in danger', { slot: { ...SLOT, walStatus: 'unreserved' } }],
    ['at the very end of the WAL', { source: { ...SOURCE, writtenLsn: 0x200n } }],
    [
      'on a timeline that left ours at the record or later',
      {
        source: { ...SOURCE, timeline: 3 },
        history: [
          { timeline: 1, endLsn: 0x200n },
          { timeline: 2, endLsn: 0x210n },
        ],
      },
    ],
    [
      'from a record of an older Tailrace, which tells less',
      {
        known: { slot: 'shop_tailrace', systemIdentifier: '7' },
        source: { ...SOURCE, timeline: 9 },
      },
    ],
  ])('%s', (_, changes) => {
    expect(problem(changes)).toBeNull();
  });
});

describe('the position is lost', () => {
  test.each<[string, Partial<PositionEvidence>, RegExp]>([
    ['on another server', { source: { ...SOURCE, systemIdentifier: '8' } }, /system identifier 8, was 7/],
    ['without the slot', { slot: null }, /slot shop_tailrace is gone/],
    ['with a lost slot', { slot: { ...SLOT, walStatus: 'lost' } }, /max_slot_wal_keep_size/],
    [
      'with an invalidated slot, by the reason',
      { slot: { ...SLOT, walStatus: 'lost', invalidation: 'idle_timeout' } },
      /idle_replication_slot_timeout/,
    ],
    [
      'one byte beyond the record',
      { slot: { ...SLOT, confirmedLsn: 0x201n } },
      /stands at 0\/201, beyond 0\/200/,
    ],
    [
      'on a server whose WAL ends before the record',
      { source: { ...SOURCE, writtenLsn: 0x1ffn } },
      /ends at 0\/1FF/,
    ],
    [
      'on a server whose WAL ends before what Kafka has beyond the record',
      { sentLsn: 0x301n },
      /read up to 0\/301/,
    ],
    [
      'on a timeline that left ours before the record',
      { source: { ...SOURCE, timeline: 2 }, history: [{ timeline: 1, endLsn: 0x1ffn }] },
      /at 0\/1FF of timeline 1, which was read up to 0\/200/,
    ],
    [
      'on a timeline that left ours before what Kafka has beyond the record',
      { source: { ...SOURCE, timeline: 2 }, history: [{ timeline: 1, endLsn: 0x210n }], sentLsn: 0x220n },
      /read up to 0\/220/,
    ],
    [
      'on a timeline that does not come from ours',
      { known: { ...KNOWN, timeline: 2 } },
      /does not come from timeline 2/,
    ],
  ])('%s', (_, changes, expected) => {
    expect(problem(changes)).toMatch(expected);
  });
});
