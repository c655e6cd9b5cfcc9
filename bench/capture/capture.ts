import type { CaptureOptions, ScenarioKey } from '../arguments.ts';
import type { Figure } from '../figures.ts';
import type { PostgresClient } from '../postgres-client.ts';
import { measureDrain, measureSnapshot } from './drain.ts';
import { measureOpenLoop } from './open-loop.ts';
import type { CaptureBench } from './pipeline.ts';
import { openLoopFigures, rateFigures, renderReport } from './report.ts';
import { RATE_SCENARIOS } from './workload.ts';

/** Runs the scenarios one after another, each with a database, a slot and topics of its own. */
export async function measureCapture(
  bench: CaptureBench,
  client: PostgresClient,
  only: CaptureOptions['only'],
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const key of only) figures.push(...(await measureScenario(bench, client, key)));
  return figures;
}

/** What a run prints. */
export function captureReport(figures: readonly Figure[]): string {
  const titles = RATE_SCENARIOS.map(({ key, title }): [ScenarioKey, string] => [key, title]);
  return renderReport(figures, new Map([...titles, ['f', 'open loop']]));
}

async function measureScenario(
  bench: CaptureBench,
  client: PostgresClient,
  key: ScenarioKey,
): Promise<Figure[]> {
  const scenario = RATE_SCENARIOS.find((each) => each.key === key);
  if (scenario === undefined) return openLoopFigures(await measureOpenLoop(bench));
  const measure = key === 'd' ? measureSnapshot : measureDrain;
  return rateFigures(scenario, await measure(bench, client, scenario));
}
