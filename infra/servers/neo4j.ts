import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { plainEnvironment } from '../daemon.ts';
import { javaFor } from '../machine.ts';
import { copyMavenJars } from '../packages.ts';
import { makeFolder, writeConfig } from '../server-files.ts';
import { runTool } from '../tool.ts';
import type { Command, Instance, Server } from './server.ts';

const version = '2026.08.1';
const java = 21;

const openPackages = [
  'java.nio',
  'java.io',
  'sun.nio.ch',
  'java.util.concurrent',
  'java.lang',
  'java.lang.reflect',
];

/** Neo4j Community. */
export const neo4j: Server = {
  name: 'neo4j',
  version,
  defaultPort: 7687,
  variable: 'NEO4J_URL',
  needs: { java, install: ['mvn'] },

  install: (folder, machine) =>
    copyMavenJars([`org.neo4j:neo4j:${version}`], folder, javaFor(machine, java).home),

  async command(instance, machine): Promise<Command> {
    const { home: javaHome, version: javaVersion } = javaFor(machine, java);
    const file = join(javaHome, 'bin', 'java');
    const config = settings(instance);
    writeConfig(instance, 'conf/neo4j.conf', config);
    const common = [...jvmOptions(javaVersion), '-cp', join(instance.software, 'lib', '*')];
    if (!existsSync(join(instance.home, 'data', 'dbms', 'auth.ini'))) {
      const setPassword = ['org.neo4j.cli.AdminTool', 'dbms', 'set-initial-password', instance.password];
      const env = {
        ...plainEnvironment(instance),
        NEO4J_HOME: instance.home,
        NEO4J_CONF: join(instance.home, 'conf'),
      };
      const options = { account: instance.account, cwd: instance.home, env };
      await runTool(file, ['-Xmx128m', '-XX:TieredStopAtLevel=1', ...common, ...setPassword], options);
    }
    const folders = [`--home-dir=${instance.home}`, `--config-dir=${join(instance.home, 'conf')}`];
    const server = ['org.neo4j.server.Neo4jCommunity', '--console-mode', ...folders];
    return { file, args: ['-Xms128m', '-Xmx384m', ...common, ...server] };
  },

  async probe(instance) {
    const { default: driverOf } = await import('neo4j-driver');
    const { username, password, host } = new URL(neo4j.url(instance));
    const driver = driverOf.driver(`bolt://${host}`, driverOf.auth.basic(username, password), {
      connectionTimeout: 2000,
      maxTransactionRetryTime: 0,
    });
    try {
      await driver.executeQuery('RETURN 1');
    } finally {
      await driver.close();
    }
  },

  url: ({ port, password }) => `bolt://neo4j:${password}@127.0.0.1:${port}`,
};

function jvmOptions(javaVersion: number): string[] {
  return [
    '-XX:+UseSerialGC',
    ...openPackages.map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`),
    '--enable-native-access=ALL-UNNAMED',
    '--add-modules=jdk.incubator.vector',
    ...(javaVersion >= 23 ? ['--sun-misc-unsafe-memory-access=allow'] : []),
  ];
}

function settings(instance: Instance): string {
  makeFolder(instance, 'data');
  return `server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:${instance.port}
server.bolt.advertised_address=127.0.0.1:${instance.port}
server.http.enabled=false
server.https.enabled=false
server.memory.pagecache.size=64m
server.directories.data=${join(instance.home, 'data')}
server.directories.logs=${makeFolder(instance, 'logs')}
dbms.usage_report.enabled=false
`;
}
