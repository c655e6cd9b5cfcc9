import { SchemaRegistry, SchemaType, type COMPATIBILITY } from '@kafkajs/confluent-schema-registry';
import type { Schema, Type } from 'avsc';
import { avroTypeHook } from '../schemas/avro-types.ts';
import type { RegistryConfig } from './config/schema.ts';
import { redactUrl } from './config/redact.ts';
import { TailraceError, toError } from './errors.ts';
import { refused, REGISTRY_TIMEOUT_MS, unreachable } from './registry-requests.ts';
import { incompatible, standingOf } from './registry-subject.ts';

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
  const standing = await standingOf(config, subject, text);
  if (standing.id !== null) return standing.id;
  if (standing.refusal !== null) throw standing.refusal;
  try {
    const registered = await client.register(
      { type: SchemaType.AVRO, schema: text },
      // The library gives a new subject this rule, and refuses one that has another.
      {
        subject,
        compatibility: (standing.ownRule ?? 'BACKWARD') as COMPATIBILITY,
        updateConfig: standing.latest === null,
      },
    );
    return registered.id;
  } catch (thrown) {
    // The rule may have changed just now, or be one of the registry's own.
    if (statusOf(thrown) === 409 && standing.latest !== null)
      throw incompatible(config, subject, text, standing.ownRule ?? 'the registry', standing.latest);
    throw clientError(config, `registering ${subject}`, thrown);
  }
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
