import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { loadFrom, withConfig, type ConfigOption } from './options.ts';
import { openOverview, type Overview } from './overview.ts';
import { formatNumber, formatSeconds, formatTable } from './table.ts';

const REFRESH_MS = 2_000;

interface StatusOptions extends ConfigOption {
  readonly json?: boolean;
  readonly watch?: boolean;
}

export function statusCommand(): Command {
  return withConfig(new Command('status'))
    .description('what every worker is doing: state, lag, rate, last error')
    .option('--json', 'as JSON, one object (with --watch one a line)')
    .option('--watch', 'again every 2 s, until Ctrl-C')
    .addHelpText(
      'after',
      `
Examples:
  tailrace status
  tailrace status --watch
  tailrace status --json | jq '.workers[] | {name, state, lagSeconds}'

Lag in seconds is the age of the oldest change that is not in the store; it grows while a worker is dead.`,
    )
    .action(async (options: StatusOptions) => {
      const overview = await openOverview(await loadFrom(options));
      try {
        do {
          const current = await overview.read();
          process.stdout.write(
            options.json === true ? `${JSON.stringify(current)}\n` : render(current, options.watch === true),
          );
          if (options.watch === true) await delay(REFRESH_MS);
        } while (options.watch === true);
      } finally {
        await overview.close();
      }
    });
}

function render(overview: Overview, isWatched: boolean): string {
  const clear = isWatched && process.stdout.isTTY ? '\u001b[2J\u001b[H' : '';
  const rows = overview.workers.map((worker) => [
    worker.name,
    worker.type,
    worker.state,
    formatSeconds(worker.lagSeconds),
    formatNumber(worker.lagRecords),
    worker.ratePerSecond === null ? '-' : `${formatNumber(worker.ratePerSecond)}/s`,
    worker.appliedLsn ?? '-',
  ]);
  const notes = overview.workers
    .filter(
      ({ state, lastError }) => lastError !== null || !['running', 'snapshot', 'stopped'].includes(state),
    )
    .map(({ name, state, message, lastError }) => {
      const head = `${name}: ${state}${message === '' ? '' : `, ${message}`}`;
      return lastError === null
        ? `${head}\n`
        : `${head}\n  last error ${lastError.code} at ${lastError.at}: ${lastError.message}\n  fix: ${lastError.fix}\n`;
    });
  const halted = overview.workers.flatMap(({ haltedTables }) =>
    haltedTables.map(
      ({ table, at, message, fix }) => `\nhalted table ${table}: ${message}\n  since ${at}\n  fix: ${fix}\n`,
    ),
  );
  return (
    `${clear}pipeline ${overview.pipeline} at ${overview.at}\n\n` +
    formatTable(['worker', 'type', 'state', 'lag', 'records behind', 'rate', 'applied LSN'], rows) +
    (notes.length === 0 ? '' : `\n${notes.join('')}`) +
    halted.join('')
  );
}
