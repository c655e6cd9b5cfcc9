import type { Server } from './servers/server.ts';

/** The address of a server that the user runs, which replaces the stack's own: TEST_<SERVER>_URL. */
export function outsideUrl(server: Server, env = process.env): string | undefined {
  const prefix = `TEST_${server.name.toUpperCase()}`;
  // Kafka's clients speak of brokers, so both names are understood.
  const value = env[`${prefix}_URL`] ?? (server.name === 'kafka' ? env[`${prefix}_BROKERS`] : undefined);
  return value === '' ? undefined : value;
}

/** Shell lines that set the variables; values are quoted, so that any shell takes them as they are. */
export function renderExports(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'\n`)
    .join('');
}
