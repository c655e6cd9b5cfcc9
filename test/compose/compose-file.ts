import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

/** The repository's root, as a folder URL. */
export const root = new URL('../../', import.meta.url);

const dependency = z.object({ condition: z.string().optional() });

const service = z.object({
  image: z.string().optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  depends_on: z.union([z.array(z.string()), z.record(z.string(), dependency)]).default({}),
  healthcheck: z
    .object({ test: z.union([z.string(), z.array(z.string())]).optional(), disable: z.boolean().optional() })
    .optional(),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  restart: z.string().optional(),
  stop_grace_period: z.string().optional(),
  security_opt: z.array(z.string()).default([]),
  cap_drop: z.array(z.string()).default([]),
  read_only: z.boolean().default(false),
  tmpfs: z.array(z.string()).default([]),
  user: z.string().optional(),
  init: z.boolean().default(false),
  mem_limit: z.string().optional(),
  profiles: z.array(z.string()).default([]),
});

const composeFile = z.object({
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.unknown()).default({}),
});

export type Service = z.infer<typeof service>;
export type ComposeFile = z.infer<typeof composeFile>;

export function readText(path: string): string {
  return readFileSync(new URL(path, root), 'utf8');
}

/** The file as compose would see it without a `.env`: merged, with the default of each variable. */
export function readComposeDocument(): unknown {
  return parse(withDefaults(readText('docker-compose.yml')), { merge: true });
}

/** The parts that the rules look at. */
export function readComposeFile(): ComposeFile {
  return composeFile.parse(readComposeDocument());
}

/** Each `${NAME:-default}` of a text, in order. */
export function variablesOf(text: string): { name: string; value: string }[] {
  return [...text.matchAll(/(?<!\$)\$\{([A-Z][A-Z0-9_]*):-([^}]*)\}/g)].map(([, name = '', value = '']) => ({
    name,
    value,
  }));
}

function withDefaults(text: string): string {
  return text
    .replaceAll(/(?<!\$)\$\{[A-Z][A-Z0-9_]*:-([^}]*)\}/g, (_whole, value: string) => value)
    .replaceAll('$$', () => '$');
}
