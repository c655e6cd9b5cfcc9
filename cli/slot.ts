import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import type pg from 'pg';
import type { LoadedConfig } from '../core/config/load.ts';
import { TailraceError } from '../core/errors.ts';
import { formatBytes } from '../core/format-bytes.ts';
import { connectSource, sourceError } from '../producers/postgres/connection.ts';
import { readSlotStatus, slotName, type SlotStatus } from '../producers/postgres/slot/slot.ts';
import { formatLsn } from '../schemas/lsn.ts';
import { loadWithSource, withConfig, type ConfigOption } from './options.ts';

interface StatusOptions extends ConfigOption {
  readonly json?: boolean;
}

interface DropOptions extends StatusOptions {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

export function slotCommand(): Command {
  const command = new Command('slot').description('show or drop the replication slot of the pipeline');
  command.addCommand(
    withConfig(new Command('status'))
      .description('where the slot stands, and how much WAL it holds back')
      .option('--json', 'as JSON')
      .addHelpText(
        'after',
        '\nExamples:\n  tailrace slot status\n  tailrace slot status --json | jq .retainedBytes',
      )
      .action(async (options: StatusOptions) =>
        withSlot(await loadWithSource(options), (_client, name, slot) => {
          const shown = describe(name, slot);
          process.stdout.write(options.json === true ? `${JSON.stringify(shown)}\n` : render(shown));
          return Promise.resolve();
        }),
      ),
  );
  command.addCommand(
    withConfig(new Command('drop'))
      .description('drop the slot of a pipeline that is given up or begins anew')
      .option('--yes', 'do not ask')
      .option('--dry-run', 'show the plan and end')
      .option('--json', 'as JSON')
      .addHelpText('after', '\nExamples:\n  tailrace slot drop --dry-run\n  tailrace slot drop --yes')
      .action(async (options: DropOptions) =>
        withSlot(await loadWithSource(options), (client, name, slot) => drop(client, name, slot, options)),
      ),
  );
  return command;
}

/** Throws SLOT_NOT_FOUND. */
async function withSlot(
  { config }: LoadedConfig,
  work: (client: pg.Client, name: string, slot: SlotStatus) => Promise<void>,
): Promise<void> {
  const { pipeline, source } = config;
  const client = await connectSource(source.url, `tailrace ${pipeline} slot`);
  try {
    const name = slotName(pipeline);
    const slot = await readSlotStatus(client, name);
    if (slot === null) {
      throw new TailraceError(
        'SLOT_NOT_FOUND',
        `the server has no replication slot ${name}`,
        "the producer's first start makes it; check pipeline and source.url when it should be there",
      );
    }
    await work(client, name, slot);
  } catch (error) {
    throw sourceError(error, source.url);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The form of `slot status --json` (docs/cli.md). */
interface ShownSlot {
  readonly slot: string;
  readonly active: boolean;
  readonly activePid: number | null;
  readonly plugin: string | null;
  readonly database: string | null;
  readonly walStatus: string | null;
  readonly invalidation: string | null;
  readonly failover: boolean | null;
  readonly confirmedLsn: string | null;
  readonly lagBytes: number;
  readonly retainedBytes: number;
  readonly safeBytes: number | null;
}

function describe(name: string, status: SlotStatus): ShownSlot {
  const { activePid, plugin, database, walStatus, invalidation, failover } = status;
  const { confirmedLsn, lagBytes, retainedBytes, safeBytes } = status;
  return {
    slot: name,
    active: activePid !== null,
    activePid,
    plugin,
    database,
    walStatus,
    invalidation,
    failover,
    confirmedLsn: confirmedLsn === null ? null : formatLsn(confirmedLsn),
    lagBytes,
    retainedBytes,
    safeBytes,
  };
}

function render(slot: ShownSlot): string {
  const isLost = slot.invalidation !== null || slot.walStatus === 'lost';
  const lines: [string, string][] = [
    ['slot', slot.slot],
    ['database', slot.database ?? '-'],
    ['plugin', slot.plugin ?? '-'],
    ['reader', slot.activePid === null ? 'none' : `server process ${slot.activePid}`],
    ['state', isLost ? `lost (${slot.invalidation ?? 'WAL removed'})` : (slot.walStatus ?? '-')],
    ['confirmed', slot.confirmedLsn ?? '-'],
    ['behind', formatBytes(slot.lagBytes)],
    ['holds back', formatBytes(slot.retainedBytes)],
    ['left', slot.safeBytes === null ? 'no limit' : formatBytes(slot.safeBytes)],
    ['failover', slot.failover === null ? '-' : slot.failover ? 'yes' : 'no'],
  ];
  return lines.map(([label, value]) => `${label.padEnd(10)}  ${value}\n`).join('');
}

async function drop(
  client: pg.Client,
  name: string,
  slot: SlotStatus,
  { yes = false, dryRun = false, json = false }: DropOptions,
): Promise<void> {
  if (slot.activePid !== null) {
    throw new TailraceError(
      'SLOT_IN_USE',
      `a producer reads replication slot ${name} (server process ${slot.activePid})`,
      'stop the producers of this pipeline first, then drop the slot',
    );
  }
  const output = json ? process.stderr : process.stdout;
  output.write(
    `drops replication slot ${name} and frees ${formatBytes(slot.retainedBytes)} of WAL.\n` +
      `Changes behind ${slot.confirmedLsn === null ? 'its start' : formatLsn(slot.confirmedLsn)} can then not be read any more: a producer of this pipeline stops with POSITION_LOST\n` +
      'until it has a new name or its state topic is deleted. Publication, topics and stores stay as they are.\n',
  );
  if (!dryRun) {
    if (!yes && !(await isConfirmed(name))) {
      process.stderr.write('nothing was dropped\n');
      process.exitCode = 1;
      return;
    }
    await client.query('SELECT pg_drop_replication_slot($1)', [name]);
  }
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ slot: name, dropped: !dryRun, freedBytes: slot.retainedBytes })}\n`,
    );
  } else process.stdout.write(dryRun ? 'dry run: nothing was dropped\n' : `dropped ${name}\n`);
}

/** Throws USAGE where nobody can be asked. */
async function isConfirmed(name: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new TailraceError('USAGE', 'slot drop asks before it drops, and there is no terminal', 'add --yes');
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(`drop ${name}? [y/N] `)).trim().toLowerCase() === 'y';
  } finally {
    terminal.close();
  }
}
