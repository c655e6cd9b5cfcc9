import { SchemaRegistry, SchemaType, type COMPATIBILITY } from '@kafkajs/confluent-schema-registry';
import type { Schema, Type } from 'avsc';
import { avroTypeHook } from '../schemas/avro-types.ts';
import type { RegistryConfig } from './config/schema.ts';
import { redactUrl } from './config/redact.ts';
import { TailraceError, toError } from './errors.ts';
import {
  askRegistry,
  messageOf,
  refused,
  REGISTRY_TIMEOUT_MS,
  unreachable,
  type RegistryAnswer,
} from './registry-requests.ts';
import { fieldDifferences } from './schema-difference.ts';

/** An id that the registry does not know is not asked for again before this: a topic may hold millions of its records. */
const UNKNOWN_FOR_MS = 5_000;

/** Registers Avro schemas and finds them by id. Ids and schemas never change, so each is asked for once. */
export interface AvroRegistry {
  /**
   * Id of the schema under the subject, registered where it is new. Whether it may be is asked before. Throws
   * SCHEMA_INCOMPATIBLE, REGISTRY_REJECTED and REGISTRY_UNREACHABLE.
   */
  idOf(subject: string, schema: Schema): Promise<number>;
  /** The type that the record's writer used. Throws SCHEMA_NOT_FOUND, REGISTRY_REJECTED and REGISTRY_UNREACHABLE. */
  typeOf(id: number): Promise<Type>;
  /**
   * Asks for every schema that got an id; one that the registry has lost is registered again. Returns the subjects whose
   * schema has another id since: they are forgotten here, and what is written from now on needs the new id.
   */
  restoreLost(): Promise<readonly string[]>;
}

interface Registered {
  readonly subject: string;
  /** The schema as JSON. */
  readonly text: string;
  readonly id: Promise<number>;
}

export function createRegistry(config: RegistryConfig, now: () => number = Date.now): AvroRegistry {
  const client = createClient(config);
  const ids = new Map<string, Registered>();
  const types = new Map<number, Promise<Type>>();
  const unknown = new Map<number, { readonly until: number; readonly error: TailraceError }>();

  const idOf = (subject: string, text: string): Promise<number> => {
    const key = `${subject} ${text}`;
    const known = ids.get(key);
    if (known !== undefined) return known.id;
    const id = findOrRegister(client, config, subject, text);
    ids.set(key, { subject, text, id });
    // A failure is asked for again at the next call.
    id.catch(() => ids.delete(key));
    return id;
  };

  const fetchType = async (id: number): Promise<Type> => {
    try {
      return (await client.getSchema(id)) as unknown as Type;
    } catch (thrown) {
      const error = clientError(config, `fetching schema ${id}`, thrown);
      if (statusOf(thrown) !== 404) throw error;
      const missing = notFound(config.url, id, thrown);
      unknown.set(id, { until: now() + UNKNOWN_FOR_MS, error: missing });
      throw missing;
    }
  };

  return {
    idOf: (subject, schema) => idOf(subject, JSON.stringify(schema)),
    typeOf: (id) => {
      const missing = unknown.get(id);
      if (missing !== undefined && now() < missing.until) return Promise.reject(missing.error);
      let type = types.get(id);
      if (type === undefined) {
        type = fetchType(id);
        types.set(id, type);
        type.catch(() => types.delete(id));
      }
      return type;
    },
    restoreLost: async () => {
      const moved: string[] = [];
      for (const [key, { subject, text, id }] of ids) {
        const before = await id;
        const after = await restored(client, config, subject, text);
        if (after === before) continue;
        ids.delete(key);
        moved.push(subject);
      }
      return moved;
    },
  };
}

function createClient(config: RegistryConfig): SchemaRegistry {
  return new SchemaRegistry(
    {
      host: config.url.replace(/\/$/, ''),
      retry: { retries: 2, initialRetryTimeInSecs: 0.1 },
      // The library itself waits for an answer for ever.
      middlewares: [
        () => ({
          prepareRequest: async (next) => (await next()).enhance({ timeout: REGISTRY_TIMEOUT_MS }),
        }),
      ],
      ...(config.username === undefined
        ? {}
        : { auth: { username: config.username, password: config.password ?? '' } }),
    },
    { [SchemaType.AVRO]: { typeHook: avroTypeHook } },
  );
}

async function findOrRegister(
  client: SchemaRegistry,
  config: RegistryConfig,
  subject: string,
  text: string,
): Promise<number> {
  return (await findId(config, subject, text)) ?? (await register(client, config, subject, text));
}

/** Null where another schema has taken the subject meanwhile. */
async function restored(
  client: SchemaRegistry,
  config: RegistryConfig,
  subject: string,
  text: string,
): Promise<number | null> {
  try {
    return await findOrRegister(client, config, subject, text);
  } catch (error) {
    if (error instanceof TailraceError && error.code === 'SCHEMA_INCOMPATIBLE') return null;
    throw error;
  }
}

/** The id that the schema has under the subject; null when it is not registered there. */
async function findId(config: RegistryConfig, subject: string, text: string): Promise<number | null> {
  const doing = `looking for ${subject}`;
  const path = `/subjects/${encodeURIComponent(subject)}`;
  const answer = await askRegistry(config, doing, { method: 'POST', path, body: { schema: text } });
  if (answer.status === 404) return null;
  return Number(expectOk(doing, answer)['id']);
}

async function register(
  client: SchemaRegistry,
  config: RegistryConfig,
  subject: string,
  text: string,
): Promise<number> {
  const latest = await latestOf(config, subject);
  const own = await ruleOf(config, `/config/${encodeURIComponent(subject)}`);
  const rule = latest === null ? null : (own ?? (await ruleOf(config, '/config')) ?? 'BACKWARD');
  if (latest !== null && rule !== null && rule !== 'NONE') {
    if (!(await isCompatible(config, subject, text, rule)))
      throw incompatible(config, { subject, text, rule, latest });
  }
  try {
    const registered = await client.register(
      { type: SchemaType.AVRO, schema: text },
      // The library gives a new subject this rule, and refuses one that has another.
      { subject, compatibility: (own ?? 'BACKWARD') as COMPATIBILITY, updateConfig: latest === null },
    );
    return registered.id;
  } catch (thrown) {
    // The rule may have changed just now, or be one of the registry's own.
    if (statusOf(thrown) === 409 && latest !== null)
      throw incompatible(config, { subject, text, rule: rule ?? 'the registry', latest });
    throw clientError(config, `registering ${subject}`, thrown);
  }
}

/** The subject's last version; null where there is none. */
async function latestOf(
  config: RegistryConfig,
  subject: string,
): Promise<{ version: number; schema: string } | null> {
  const doing = `looking for the last version of ${subject}`;
  const path = `/subjects/${encodeURIComponent(subject)}/versions/latest`;
  const answer = await askRegistry(config, doing, { path });
  if (answer.status === 404) return null;
  const { version, schema } = expectOk(doing, answer);
  return { version: Number(version), schema: String(schema) };
}

/** The compatibility rule that is set there; null where there is none. */
async function ruleOf(config: RegistryConfig, path: string): Promise<string | null> {
  const doing = `asking for ${path}`;
  const answer = await askRegistry(config, doing, { path });
  if (answer.status === 404) return null;
  const { compatibilityLevel } = expectOk(doing, answer);
  return typeof compatibilityLevel === 'string' ? compatibilityLevel.toUpperCase() : null;
}

async function isCompatible(
  config: RegistryConfig,
  subject: string,
  text: string,
  rule: string,
): Promise<boolean> {
  const doing = `checking the compatibility of ${subject}`;
  const versions = rule.endsWith('_TRANSITIVE') ? 'versions' : 'versions/latest';
  const path = `/compatibility/subjects/${encodeURIComponent(subject)}/${versions}`;
  const answer = await askRegistry(config, doing, { method: 'POST', path, body: { schema: text } });
  // A registry without this question refuses at the registration.
  if (answer.status === 404 || answer.status === 405) return true;
  return expectOk(doing, answer)['is_compatible'] !== false;
}

function expectOk(doing: string, answer: RegistryAnswer): Record<string, unknown> {
  if (answer.status < 200 || answer.status > 299) throw refused(doing, answer.status, messageOf(answer));
  return (answer.body ?? {}) as Record<string, unknown>;
}

function incompatible(
  { url }: RegistryConfig,
  of: { subject: string; text: string; rule: string; latest: { version: number; schema: string } },
): TailraceError {
  const { subject, text, rule, latest } = of;
  const fields = fieldDifferences(JSON.parse(latest.schema), JSON.parse(text));
  const place = `${redactUrl(url).replace(/\/$/, '')}/config/${encodeURIComponent(subject)}`;
  return new TailraceError(
    'SCHEMA_INCOMPATIBLE',
    `the new schema of ${subject} breaks the rule ${rule} against version ${latest.version}: ` +
      (fields.length === 0 ? 'the registry refuses it' : fields.join('; ')),
    `set the subject's compatibility to NONE for this change, if its readers can take it (curl -X PUT ${place} -H 'content-type: application/json' -d '{"compatibility":"NONE"}'): the producer goes on by itself; ` +
      'or change the table back; or stop the producer, delete the subject and its topic, and start it again; or leave the table out with source.exclude',
  );
}

function notFound(url: string, id: number, cause: unknown): TailraceError {
  return new TailraceError(
    'SCHEMA_NOT_FOUND',
    `the schema registry at ${redactUrl(url)} has no schema of id ${id}, which records were written with`,
    'check that registry.url is the registry of the producer; restore the subject from a backup, or let the producer write the topic anew (docs/errors.md); it is asked again',
    { cause },
  );
}

function statusOf(thrown: unknown): number | undefined {
  return (thrown as { status?: number } | null)?.status;
}

/** The library gives a request without any answer the status 400, and the reason as the answer's text. */
function clientError(config: RegistryConfig, doing: string, thrown: unknown): TailraceError {
  const error = toError(thrown);
  const status = statusOf(error);
  const hasNoAnswer = status === 400 && error.message.includes(' - Error, status 400');
  if (status === undefined || status >= 500 || status === 429 || status === 408 || hasNoAnswer)
    return unreachable(config.url, doing, error);
  return refused(doing, status, error.message, error);
}
