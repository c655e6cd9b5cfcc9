import type pg from 'pg';
import type { Metrics } from '../core/metrics.ts';
import { pause } from '../core/retry.ts';
import type { ProducerFigures } from './context.ts';
import { connectSource } from './postgres/connection.ts';
import { createSlotForecast, type SlotForecast } from './postgres/slot/slot-forecast.ts';
import { readSlotStatus, type SlotStatus } from './postgres/slot/slot.ts';

const INTERVAL_MS = 2_000;

export interface SlotWatch {
  readonly url: string;
  readonly slot: string;
  readonly metrics: Metrics;
  readonly figures: ProducerFigures;
  readonly signal: AbortSignal;
}

/**
 * Shows the slot in metrics and figures until the signal aborts, on a connection of its own: the slot grows most while
 * no session runs, as when Kafka is down. What cannot be read is not shown at all. Never throws.
 */
export async function watchSlot(watch: SlotWatch): Promise<void> {
  const forecast = createSlotForecast();
  while (!watch.signal.aborted) {
    let client: pg.Client | null = null;
    try {
      client = await connectSource(watch.url, `tailrace ${watch.slot} watch`);
      while (!watch.signal.aborted) {
        showSlot(watch, forecast, await readSlotStatus(client, watch.slot));
        await pause(INTERVAL_MS, watch.signal);
      }
    } catch {
      // The session meets the same error and tells of it.
      showSlot(watch, forecast, null);
      await pause(INTERVAL_MS, watch.signal);
    } finally {
      await client?.end().catch(() => undefined);
    }
  }
}

function showSlot({ metrics, figures }: SlotWatch, forecast: SlotForecast, slot: SlotStatus | null): void {
  figures.slot = slot;
  if (slot !== null) forecast.observe(performance.now(), slot.writtenLsn);
  show(metrics.slotRetainedBytes, slot?.retainedBytes);
  show(metrics.captureLagBytes, slot?.lagBytes);
  show(metrics.slotSafeBytes, slot?.safeBytes);
  show(metrics.slotSecondsToLoss, forecast.secondsToLoss(slot?.safeBytes ?? null));
  show(metrics.slotActive, slot === null ? null : slot.activePid === null ? 0 : 1);
}

function show(gauge: Metrics['slotActive'], value: number | null | undefined): void {
  if (value == null) gauge.remove();
  else gauge.set(value);
}
