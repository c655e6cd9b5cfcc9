import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { javaFor } from '../machine.ts';
import { unpackMavenArchive } from '../packages.ts';
import { makeFolder, writeConfig } from '../server-files.ts';
import type { Command, Instance, Server } from './server.ts';

const version = '9.5.3';
const java = 21;
const user = 'tailrace';

/** Elasticsearch in Elastic's own build for integration tests: the engine with few modules. */
export const elasticsearch: Server = {
  name: 'elasticsearch',
  version,
  defaultPort: 9200,
  variable: 'ELASTICSEARCH_URL',
  needs: { java, install: ['mvn'] },

  install: (folder, machine) =>
    unpackMavenArchive(
      `org.elasticsearch.distribution.integ-test-zip:elasticsearch:${version}:zip`,
      folder,
      javaFor(machine, java).home,
    ),

  async command(instance, machine): Promise<Command> {
    writeConfig(instance, 'config/elasticsearch.yml', settingsFile(instance));
    writeConfig(instance, 'config/users', `${user}:${passwordHash(instance.password)}\n`);
    writeConfig(instance, 'config/users_roles', `superuser:${user}\n`);
    writeConfig(instance, 'config/jvm.options', jvmOptions);
    writeConfig(instance, 'config/log4j2.properties', log4jProperties);
    const pidFile = join(instance.home, 'pid');
    return {
      // A zip unpacked by Java has lost its executable bits.
      file: '/bin/bash',
      args: [
        join(instance.software, `elasticsearch-${version}`, 'bin', 'elasticsearch'),
        '-d',
        '-p',
        pidFile,
      ],
      env: {
        ES_JAVA_HOME: javaFor(machine, java).home,
        ES_PATH_CONF: join(instance.home, 'config'),
        ES_TMPDIR: makeFolder(instance, 'tmp'),
      },
      // The starter is a Java of its own that ends when the server is up, which saves its memory.
      pidFile,
      log: join(instance.home, 'logs', 'elasticsearch.log'),
    };
  },

  async probe(instance) {
    const { username, password, origin } = new URL(elasticsearch.url(instance));
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    const path = '/_cluster/health?wait_for_status=yellow&timeout=1s';
    const response = await fetch(`${origin}${path}`, { headers: { authorization } });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`GET /_cluster/health answered ${response.status}`);
  },

  url: ({ port, password }) => `http://${user}:${password}@127.0.0.1:${port}`,
};

function settingsFile(instance: Instance): string {
  return `cluster.name: tailrace
node.name: tailrace
discovery.type: single-node
network.host: 127.0.0.1
http.port: ${instance.port}
transport.port: ${instance.innerPort}
path.data: ${join(instance.home, 'data')}
path.logs: ${makeFolder(instance, 'logs')}
xpack.security.enabled: true
xpack.security.http.ssl.enabled: false
xpack.security.transport.ssl.enabled: false
xpack.security.enrollment.enabled: false
xpack.security.authc.realms.file.file1.order: 0
# A laptop's disk is often nearly full; the watermarks would make every index read-only.
cluster.routing.allocation.disk.threshold_enabled: false
`;
}

/** The form in which Elasticsearch keeps passwords, of those the one that Node can make. */
function passwordHash(password: string): string {
  const rounds = 1000;
  const salt = randomBytes(32);
  const hash = pbkdf2Sync(password, salt, rounds, 32, 'sha512');
  return `{PBKDF2}${rounds}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

const jvmOptions = `-Xms512m
-Xmx512m
-XX:+UseSerialGC
-XX:-AlwaysPreTouch
-XX:+ExitOnOutOfMemoryError
-Dorg.apache.lucene.store.MMapDirectory.sharedArenaMaxPermits=1
-Djava.io.tmpdir=\${ES_TMPDIR}
--add-modules=jdk.incubator.vector
`;

const log4jProperties = `status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %m%n
appender.file.type = File
appender.file.name = file
appender.file.fileName = \${sys:es.logs.base_path}/elasticsearch.log
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
rootLogger.appenderRef.file.ref = file
`;
