import { styleText } from 'node:util';
import { Command } from 'commander';
import type { LoadedConfig } from '../core/config/load.ts';
import type { RegistryConfig } from '../core/config/schema.ts';
import { redactUrl } from '../core/config/redact.ts';
import { toError, type TailraceError } from '../core/errors.ts';
import { createKafka, kafkaError } from '../core/kafka.ts';
import { createLogger } from '../core/logger.ts';
import { readState, type SlotState } from '../core/state.ts';
import { connectSource, sourceError } from '../producers/postgres/connection.ts';
import { fail, ok, type Check } from '../producers/postgres/doctor/check.ts';
import { diagnoseSource } from '../producers/postgres/doctor/diagnose.ts';
import { diagnoseTopics } from './doctor-kafka.ts';
import { loadWithSource, withConfig, type ConfigOption } from './options.ts';

const REGISTRY_TIMEOUT_MS = 5_000;

/** One line of the report; the form of its `--json` (docs/cli.md). */
interface Finding extends Check {
  readonly part: 'postgres' | 'kafka' | 'registry';
}

/** What was found at one part, and whether it refused the login. */
interface Examination {
  readonly checks: readonly Check[];
  readonly isRefused: boolean;
}

export function doctorCommand(): Command {
  return withConfig(new Command('doctor'))
    .description(
      'check everything that the pipeline needs, with the fix for what is missing; changes nothing',
    )
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Examples:
  tailrace doctor
  tailrace doctor --json | jq '.checks[] | select(.status != "ok")'

Ends with 0 when nothing fails (warnings may be there), 6 when something does, 4 when a login is refused.`,
    )
    .action(async (options: ConfigOption & { json?: boolean }) => {
      process.exitCode = await examine(await loadWithSource(options), options.json === true);
    });
}

async function examine(loaded: LoadedConfig, isJson: boolean): Promise<number> {
  const kafka = await examineKafka(loaded);
  const source = await examineSource(loaded, kafka.known);
  const registry = await examineRegistry(loaded.config.registry);
  const findings: Finding[] = [
    ...source.checks.map((check) => ({ part: 'postgres' as const, ...check })),
    ...kafka.checks.map((check) => ({ part: 'kafka' as const, ...check })),
    ...registry.checks.map((check) => ({ part: 'registry' as const, ...check })),
  ];
  const failed = findings.some(({ status }) => status === 'fail');
  process.stdout.write(
    isJson
      ? `${JSON.stringify({ pipeline: loaded.config.pipeline, at: new Date().toISOString(), ok: !failed, checks: findings })}\n`
      : render(findings),
  );
  if ([source, kafka, registry].some(({ isRefused }) => isRefused)) return 4;
  return failed ? 6 : 0;
}

async function examineSource(
  { config }: LoadedConfig,
  known: SlotState | null | undefined,
): Promise<Examination> {
  const { pipeline, source } = config;
  try {
    const client = await connectSource(source.url, `tailrace ${pipeline} doctor`);
    try {
      const checks = await diagnoseSource(client, { pipeline, source, known });
      return {
        checks: [ok('connection', `connected to ${redactUrl(source.url)}`), ...checks],
        isRefused: false,
      };
    } finally {
      await client.end().catch(() => undefined);
    }
  } catch (error) {
    return failure('connection', sourceError(error, source.url));
  }
}

/** Asks for the pipeline's state too: only it tells whether the slot still fits. */
async function examineKafka({
  config,
}: LoadedConfig): Promise<Examination & { known: SlotState | null | undefined }> {
  const { brokers } = config.kafka;
  const kafka = createKafka(config.kafka, `tailrace-${config.pipeline}-doctor`, createLogger({}));
  const admin = kafka.admin();
  try {
    await admin.connect();
    const cluster = await admin.describeCluster();
    const state = await readState(kafka, config.pipeline);
    const checks = [
      ok('connection', `${cluster.brokers.length} brokers answer at ${brokers.join(', ')}`),
      ...(await diagnoseTopics(admin, config, state)),
    ];
    return { checks, isRefused: false, known: state.slot };
  } catch (error) {
    return { ...failure('connection', kafkaError(error, brokers)), known: undefined };
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

async function examineRegistry(registry: RegistryConfig | undefined): Promise<Examination> {
  if (registry === undefined) {
    return { checks: [ok('connection', 'no registry in the config: JSON on the wire')], isRefused: false };
  }
  const login = `${registry.username}:${registry.password ?? ''}`;
  try {
    const response = await fetch(`${registry.url.replace(/\/$/, '')}/subjects`, {
      signal: AbortSignal.timeout(REGISTRY_TIMEOUT_MS),
      headers:
        registry.username === undefined
          ? {}
          : { authorization: `Basic ${Buffer.from(login).toString('base64')}` },
    });
    await response.body?.cancel();
    if (response.ok)
      return { checks: [ok('connection', `${redactUrl(registry.url)} answers`)], isRefused: false };
    const isRefused = response.status === 401 || response.status === 403;
    const fix = isRefused
      ? 'check registry.username and registry.password'
      : 'check registry.url: it names the folder that holds /subjects';
    const told = `${redactUrl(registry.url)} answers ${response.status}`;
    return { checks: [fail('connection', told, fix)], isRefused };
  } catch (error) {
    const told = `${redactUrl(registry.url)} does not answer: ${toError(error).message}`;
    const fix = 'check registry.url and that the registry runs';
    return { checks: [fail('connection', told, fix)], isRefused: false };
  }
}

function failure(name: string, error: TailraceError): Examination {
  return {
    checks: [fail(name, `${error.code}: ${error.message}`, error.fix)],
    isRefused: error.exitCode === 4,
  };
}

const COLOURS = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

function render(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const indent = ' '.repeat(6);
  const blocks = (['postgres', 'kafka', 'registry'] as const).map((part) => {
    const lines = findings
      .filter((finding) => finding.part === part)
      .map(({ status, name, evidence, fix }) => {
        const mark = styleText(COLOURS[status], status.padEnd(4));
        const told = fix === null ? '' : `${indent}fix: ${fix.replaceAll('\n', `\n${indent}     `)}\n`;
        return `${mark}  ${name.padEnd(width)}  ${evidence}\n${told}`;
      });
    return `${part}\n${lines.join('')}\n`;
  });
  const count = (status: Check['status']) => findings.filter((finding) => finding.status === status).length;
  return `${blocks.join('')}${count('ok')} ok, ${count('warn')} warn, ${count('fail')} fail\n`;
}
