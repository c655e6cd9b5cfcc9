import { join } from 'node:path';
import { javaFor } from '../machine.ts';
import { unpackMavenArchive } from '../packages.ts';
import type { Command, Instance, Server } from './server.ts';

const version = '3.3.3';
const java = 21;

/** Apicurio Registry with its Confluent-compatible interface; subjects are kept in a file. */
export const registry: Server = {
  name: 'registry',
  version,
  standIn: 'Apicurio',
  defaultPort: 8081,
  variable: 'REGISTRY_URL',
  needs: { java, install: ['mvn'] },

  install: (folder, machine) =>
    unpackMavenArchive(
      `io.apicurio:apicurio-registry-app:${version}:tar.gz:all`,
      folder,
      javaFor(machine, java).home,
    ),

  async command(instance, machine): Promise<Command> {
    const settings = {
      'quarkus.http.host': '127.0.0.1',
      'quarkus.http.port': instance.port,
      'quarkus.http.access-log.enabled': false,
      'quarkus.management.host': '127.0.0.1',
      'quarkus.management.port': instance.innerPort,
      'apicurio.storage.kind': 'sql',
      'apicurio.storage.sql.kind': 'h2',
      'apicurio.datasource.url': `jdbc:h2:file:${join(instance.home, 'registry')};DB_CLOSE_ON_EXIT=FALSE`,
      'apicurio.datasource.jdbc.initial-size': 2,
      'apicurio.datasource.jdbc.min-size': 2,
      'apicurio.datasource.jdbc.max-size': 20,
      'apicurio.storage.snapshot.location': instance.home,
      'vertx.cacheDirBase': join(instance.home, 'vertx'),
    };
    const properties = Object.entries(settings).map(([name, value]) => `-D${name}=${value}`);
    const jvm = ['-Xms64m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
    return {
      file: join(javaFor(machine, java).home, 'bin', 'java'),
      args: [...jvm, ...properties, '-jar', join(instance.software, 'quarkus-run.jar')],
    };
  },

  async probe(instance) {
    const response = await fetch(`${registry.url(instance)}/subjects`);
    await response.body?.cancel();
    if (!response.ok) throw new Error(`GET /subjects answered ${response.status}`);
  },

  url: ({ port }: Instance) => `http://127.0.0.1:${port}/apis/ccompat/v7`,
};
