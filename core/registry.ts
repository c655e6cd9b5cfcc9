import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import type { Schema, Type } from 'avsc';
import { TailraceError, toError } from './errors.ts';
import { redactUrl } from './config/redact.ts';
import type { RegistryConfig } from './config/schema.ts';
import { avroTypeHook } from '../schemas/avro-types.ts';

/** Registers Avro schemas and finds them by id, each asked for once. */
export interface AvroRegistry {
  /** Id of the schema under the subject, registered where it is new. Throws REGISTRY_REJECTED, REGISTRY_UNREACHABLE. */
  idOf(subject: string, schema: Schema): Promise<number>;
  /** The type that the record's writer used. Throws REGISTRY_UNREACHABLE, EVENT_UNDECODABLE for an unknown id. */
  typeOf(id: number): Promise<Type>;
}

export function createRegistry(config: RegistryConfig): AvroRegistry {
  const client = new SchemaRegistry(
    {
      host: config.url.replace(/\/$/, ''),
      retry: { retries: 3, initialRetryTimeInSecs: 0.1 },
      ...(config.username === undefined
        ? {}
        : { auth: { username: config.username, password: config.password ?? '' } }),
    },
    { [SchemaType.AVRO]: { typeHook: avroTypeHook } },
  );
  const ids = new Map<string, Promise<number>>();
  const types = new Map<number, Promise<Type>>();
  return {
    idOf: (subject, schema) => {
      const text = JSON.stringify(schema);
      return remember(ids, `${subject} ${text}`, async () => {
        try {
          return (await client.register({ type: SchemaType.AVRO, schema: text }, { subject })).id;
        } catch (error) {
          throw registryError(error, config.url, `registering ${subject}`);
        }
      });
    },
    typeOf: (id) =>
      remember(types, id, async () => {
        try {
          return (await client.getSchema(id)) as unknown as Type;
        } catch (error) {
          throw registryError(error, config.url, `fetching schema ${id}`);
        }
      }),
  };
}

/** Keeps the promise of a success; a failure is asked for again at the next call. */
function remember<Key, Result>(
  cache: Map<Key, Promise<Result>>,
  key: Key,
  ask: () => Promise<Result>,
): Promise<Result> {
  let answer = cache.get(key);
  if (answer === undefined) {
    answer = ask();
    cache.set(key, answer);
    answer.catch(() => cache.delete(key));
  }
  return answer;
}

function registryError(thrown: unknown, url: string, doing: string): TailraceError {
  const error = toError(thrown);
  const status = (error as { status?: number }).status;
  if (status !== undefined && status >= 400 && status < 500) {
    return new TailraceError(
      'REGISTRY_REJECTED',
      `the schema registry refused ${doing}: ${status} ${error.message}`,
      status === 401 || status === 403
        ? 'check registry.username and registry.password'
        : 'the new schema must be BACKWARD compatible with the last of its subject; see docs/errors.md',
      { cause: error },
    );
  }
  return new TailraceError(
    'REGISTRY_UNREACHABLE',
    `the schema registry at ${redactUrl(url)} does not answer (${doing}): ${error.message}`,
    'check registry.url and that the registry runs',
    { cause: error },
  );
}
