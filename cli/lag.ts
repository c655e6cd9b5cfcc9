import { Command } from 'commander';
import { loadFrom, withConfig, type ConfigOption } from './options.ts';
import { openOverview } from './overview.ts';
import { formatNumber, formatSeconds, formatTable } from './table.ts';

export function lagCommand(): Command {
  return withConfig(new Command('lag'))
    .description('how far each sink is behind, by topic, in records and in seconds')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Examples:
  tailrace lag
  tailrace lag --json | jq '[.[].lagSeconds] | max'`,
    )
    .action(async (options: ConfigOption & { json?: boolean }) => {
      const overview = await openOverview(await loadFrom(options));
      try {
        const { workers } = await overview.read();
        const lags = workers.flatMap(({ name, topics }) => topics.map((topic) => ({ sink: name, ...topic })));
        process.stdout.write(
          options.json === true
            ? `${JSON.stringify(lags)}\n`
            : formatTable(
                ['sink', 'topic', 'records behind', 'lag', 'committed'],
                lags.map((lag) => [
                  lag.sink,
                  lag.topic,
                  formatNumber(lag.lagRecords),
                  formatSeconds(lag.lagSeconds),
                  lag.hasCommitted ? 'yes' : 'not yet',
                ]),
              ),
        );
      } finally {
        await overview.close();
      }
    });
}
