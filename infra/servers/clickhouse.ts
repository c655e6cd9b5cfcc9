import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pythonOf } from '../machine.ts';
import { unpackNpmPackage } from '../packages.ts';
import { makeFolder, writeConfig } from '../server-files.ts';
import type { Command, Instance, Server } from './server.ts';

const version = '26.7.3-stable.1';
const user = 'tailrace';

/** ClickHouse: the whole server is in chdb's library, whose command-line entry a few lines of Python call. */
export const clickhouse: Server = {
  name: 'clickhouse',
  version,
  standIn: 'engine of chdb',
  defaultPort: 8123,
  variable: 'CLICKHOUSE_URL',
  needs: { python: true, install: ['npm', 'tar', 'gzip'] },

  async install(folder) {
    await unpackNpmPackage(`@chdb/lib-linux-x64-gnu@${version}`, folder);
    rmSync(join(folder, 'chdb_node.node'), { force: true });
    writeFileSync(join(folder, 'launch.py'), launcher);
  },

  async command(instance, machine): Promise<Command> {
    const users = writeConfig(instance, 'users.xml', usersFile(instance));
    const config = writeConfig(instance, 'config.xml', configFile(instance, users));
    const options = [
      `--config-file=${config}`,
      `--path=${makeFolder(instance, 'data')}`,
      `--http_port=${instance.port}`,
      '--listen_host=127.0.0.1',
      `--query=${serveForever}`,
    ];
    const library = join(instance.software, 'libchdb.so');
    return { file: pythonOf(machine), args: [join(instance.software, 'launch.py'), library, ...options] };
  },

  async probe(instance) {
    const { username, password, origin } = new URL(clickhouse.url(instance));
    const response = await fetch(`${origin}/?query=SELECT+1`, {
      headers: { 'X-ClickHouse-User': username, 'X-ClickHouse-Key': password },
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`SELECT 1 answered ${response.status}`);
  },

  url: ({ port, password }) => `http://${user}:${password}@127.0.0.1:${port}`,
};

/** The program ends with its query, so the query never ends. */
const serveForever =
  'SYSTEM START LISTEN HTTP; SELECT sleepEachRow(1) FROM system.numbers FORMAT Null ' +
  'SETTINGS max_block_size=1, function_sleep_max_microseconds_per_block=0, max_execution_time=0';

const launcher = `# Runs the command line of the ClickHouse that a library holds: launch.py LIBRARY OPTION...
import ctypes
import signal
import sys

# Python's own handlers would never run while the library is in its loop.
signal.signal(signal.SIGINT, signal.SIG_DFL)
arguments = [b'clickhouse'] + [argument.encode() for argument in sys.argv[2:]]
values = (ctypes.c_char_p * (len(arguments) + 1))(*arguments, None)
run = ctypes.CDLL(sys.argv[1]).chdb_query_cmdline
run.restype = ctypes.c_void_p
run(len(arguments), values)
`;

function configFile(instance: Instance, users: string): string {
  return `<clickhouse>
  <users_config>${users}</users_config>
  <tmp_path>${makeFolder(instance, 'tmp')}/</tmp_path>
  <logger><console>1</console><console_log_level>warning</console_log_level></logger>
  <max_server_memory_usage>2000000000</max_server_memory_usage>
  <mark_cache_size>67108864</mark_cache_size>
</clickhouse>
`;
}

function usersFile(instance: Instance): string {
  return `<clickhouse>
  <profiles><default></default></profiles>
  <quotas><default></default></quotas>
  <users>
    <default>
      <password></password>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <grants>
        <query>GRANT SYSTEM LISTEN ON *.*</query>
        <query>GRANT SELECT ON system.numbers</query>
      </grants>
    </default>
    <${user}>
      <password>${instance.password}</password>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <access_management>1</access_management>
    </${user}>
  </users>
</clickhouse>
`;
}
