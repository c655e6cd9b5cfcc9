import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { installServer } from './cache.ts';
import { indented, logTail } from './daemon.ts';
import { checkRequirements, inspectMachine, javaFor } from './machine.ts';
import { copyMavenJars } from './packages.ts';
import { choosePort } from './ports.ts';
import { serverNamed } from './servers/all.ts';
import type { Software } from './servers/server.ts';

const java = 17;
const readyLimitMs = 120_000;

/** Each plugin has a class loader of its own, so their libraries do not meet. */
const plugins: Readonly<Record<string, readonly string[]>> = {
  debezium: ['io.debezium:debezium-connector-postgres:3.7.0.Final'],
  mongodb: ['org.mongodb.kafka:mongo-kafka-connect:2.0.1'],
  // Of its line 3 the Avro serializers are not on Maven Central; this one speaks to a registry of line 3 too.
  apicurio: ['io.apicurio:apicurio-registry-utils-converter:2.6.13.Final'],
};

/** Kafka Connect with the connectors and converters of others: for tests, not a part of the stack. */
const connect: Software = {
  name: 'connect',
  version: '4.3.1',
  async install(folder, machine) {
    const home = javaFor(machine, java).home;
    const kafka = ['connect-runtime', 'connect-json', 'connect-file'].map(
      (name) => `org.apache.kafka:${name}:${connect.version}`,
    );
    await copyMavenJars([...kafka, 'org.apache.logging.log4j:log4j-slf4j-impl:2.25.4'], folder, home);
    for (const [name, artifacts] of Object.entries(plugins)) {
      const place = join(folder, 'plugins', name);
      mkdirSync(place, { recursive: true });
      await copyMavenJars(artifacts, place, home);
    }
  },
};

/** A running Kafka Connect; disposing of it ends it and deletes its offsets. */
export interface RunningConnect extends AsyncDisposable {
  /** Of its REST interface. */
  readonly url: string;
  /** The last lines of its log. */
  logTail(): string[];
}

/** Starts one worker without connectors and waits until it answers. Throws with the tail of its log when it does not. */
export async function startConnect(
  brokers: string,
  onProgress: (line: string) => void,
): Promise<RunningConnect> {
  const machine = await inspectMachine([serverNamed('kafka')]);
  checkRequirements(machine, [serverNamed('kafka')], []);
  const software = await installServer(connect, machine, onProgress);
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-connect-'));
  const url = `http://127.0.0.1:${await choosePort({}, new Set())}`;
  const properties = join(folder, 'worker.properties');
  writeFileSync(properties, workerProperties(brokers, url, software, folder));
  const log = join(folder, 'connect.log');
  const output = openSync(log, 'a');
  const jvm = ['-Xms64m', '-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
  const main = 'org.apache.kafka.connect.cli.ConnectStandalone';
  const child = spawn(
    join(javaFor(machine, java).home, 'bin', 'java'),
    [...jvm, '-cp', join(software, 'lib', '*'), main, properties],
    { cwd: folder, stdio: ['ignore', output, output] },
  );
  closeSync(output);
  const ended = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilReady(url, () => child.exitCode !== null, log);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, logTail: () => logTail(log, 40), [Symbol.asyncDispose]: stop };
}

function workerProperties(brokers: string, url: string, software: string, folder: string): string {
  const settings = {
    'bootstrap.servers': brokers,
    'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'offset.storage.file.filename': join(folder, 'offsets'),
    'offset.flush.interval.ms': 1000,
    listeners: url,
    'plugin.path': join(software, 'plugins'),
    // Converters of line 2 of Apicurio have no service file.
    'plugin.discovery': 'hybrid_warn',
    // A connector's own settings may name another group or a shorter wait.
    'connector.client.config.override.policy': 'All',
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

async function untilReady(url: string, hasEnded: () => boolean, log: string): Promise<void> {
  const deadline = Date.now() + readyLimitMs;
  for (;;) {
    const isReady = await fetch(`${url}/connectors`).then(
      (response) => response.ok,
      () => false,
    );
    if (isReady) return;
    if (hasEnded() || Date.now() > deadline)
      throw new Error(`Kafka Connect did not start; the last lines of its log:\n${indented(logTail(log))}`);
    await sleep(200);
  }
}
