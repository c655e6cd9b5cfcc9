import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { plainEnvironment } from '../daemon.ts';
import { javaFor } from '../machine.ts';
import { copyMavenJars } from '../packages.ts';
import { writeConfig } from '../server-files.ts';
import { runTool } from '../tool.ts';
import type { Command, Instance, Server } from './server.ts';

const version = '4.3.1';
const java = 17;
const clusterId = 'VGFpbHJhY2VMb2NhbFN0aw';

/** Apache Kafka, one node that is broker and controller (KRaft). */
export const kafka: Server = {
  name: 'kafka',
  version,
  defaultPort: 9092,
  variable: 'KAFKA_BROKERS',
  needs: { java, install: ['mvn'] },

  async install(folder, machine) {
    const logging = 'org.apache.logging.log4j:log4j-slf4j-impl:2.25.4';
    const artifacts = [`org.apache.kafka:kafka_2.13:${version}`, logging];
    await copyMavenJars(artifacts, folder, javaFor(machine, java).home);
  },

  async command(instance, machine): Promise<Command> {
    const file = join(javaFor(machine, java).home, 'bin', 'java');
    const properties = writeConfig(instance, 'server.properties', serverProperties(instance));
    const log4j = writeConfig(instance, 'log4j2.properties', log4jProperties);
    const common = [
      '-XX:+UseSerialGC',
      `-Dlog4j2.configurationFile=${log4j}`,
      '-cp',
      join(instance.software, 'lib', '*'),
    ];
    if (!existsSync(join(instance.home, 'data', 'meta.properties'))) {
      const format = [
        'kafka.tools.StorageTool',
        'format',
        '--ignore-formatted',
        '-t',
        clusterId,
        '-c',
        properties,
      ];
      const options = { account: instance.account, cwd: instance.home, env: plainEnvironment(instance) };
      await runTool(file, ['-Xmx128m', '-XX:TieredStopAtLevel=1', ...common, ...format], options);
    }
    return { file, args: ['-Xms128m', '-Xmx320m', ...common, 'kafka.Kafka', properties] };
  },

  async probe(instance) {
    // It drops a harmless warning that kafkajs gives on Node 24.
    await import('../../core/kafka.ts');
    const { Kafka, logLevel } = await import('kafkajs');
    const client = new Kafka({
      clientId: 'tailrace-stack',
      brokers: [kafka.url(instance)],
      logLevel: logLevel.NOTHING,
      connectionTimeout: 2000,
      requestTimeout: 3000,
      retry: { retries: 0 },
    });
    const admin = client.admin();
    try {
      await admin.connect();
      const { brokers } = await admin.describeCluster();
      if (brokers.length === 0) throw new Error('no broker has registered yet');
    } finally {
      await admin.disconnect();
    }
  },

  url: ({ port }) => `127.0.0.1:${port}`,
};

function serverProperties(instance: Instance): string {
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${instance.innerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${instance.port},CONTROLLER://127.0.0.1:${instance.innerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${instance.port}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(instance.home, 'data'),
    'auto.create.topics.enable': 'false',
    'default.replication.factor': '1',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'share.coordinator.state.topic.num.partitions': '4',
    'group.initial.rebalance.delay.ms': '0',
    'log.segment.bytes': String(128 * 1024 * 1024),
    'log.cleaner.dedupe.buffer.size': String(16 * 1024 * 1024),
  };
  return `${Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')}\n`;
}

const log4jProperties = `status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %p %m (%c{1})%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
logger.kafka.name = kafka.server.KafkaRaftServer
logger.kafka.level = info
`;
