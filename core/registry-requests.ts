import { redactUrl } from './config/redact.ts';
import type { RegistryConfig } from './config/schema.ts';
import { TailraceError, toError } from './errors.ts';

/** A registry that is slower than this counts as one that does not answer. */
export const REGISTRY_TIMEOUT_MS = 10_000;

/** What the registry answered; `body` is what its JSON says, null where it was none. */
export interface RegistryAnswer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * One request of the registry's REST interface (Confluent's, `/subjects`, `/config`, `/compatibility`). Returns answers below
 * 500 for the caller to judge. Throws REGISTRY_UNREACHABLE, and REGISTRY_REJECTED for refused credentials.
 */
export async function askRegistry(
  config: RegistryConfig,
  doing: string,
  { method = 'GET', path, body }: { method?: 'GET' | 'POST'; path: string; body?: unknown },
): Promise<RegistryAnswer> {
  let answer: RegistryAnswer;
  try {
    const response = await fetch(`${config.url.replace(/\/$/, '')}${path}`, {
      method,
      signal: AbortSignal.timeout(REGISTRY_TIMEOUT_MS),
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json', ...loginOf(config) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    answer = { status: response.status, body: parsed(await response.text()) };
  } catch (error) {
    throw unreachable(config.url, doing, error);
  }
  const { status } = answer;
  if (status === 401 || status === 403) throw refused(doing, status, messageOf(answer));
  // Too many requests, and what a proxy in front of a registry that is down says.
  if (status >= 500 || status === 429 || status === 408)
    throw unreachable(config.url, doing, new Error(`it answers ${status}`));
  return answer;
}

export function loginOf({ username, password }: RegistryConfig): Record<string, string> {
  if (username === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}` };
}

/** The registry's own words, which hold schemas and no rows. */
export function messageOf({ body }: RegistryAnswer): string {
  const message = (body as { message?: unknown } | null)?.message;
  return typeof message === 'string' ? message : '';
}

export function unreachable(url: string, doing: string, thrown: unknown): TailraceError {
  const error = toError(thrown);
  const reason = error.cause instanceof Error ? error.cause.message : error.message;
  return new TailraceError(
    'REGISTRY_UNREACHABLE',
    `the schema registry at ${redactUrl(url)} does not answer (${doing}): ${reason}`,
    'check registry.url and that the registry runs; nothing is lost, it is asked again',
    { cause: error },
  );
}

export function refused(doing: string, status: number, message: string, cause?: unknown): TailraceError {
  return new TailraceError(
    'REGISTRY_REJECTED',
    `the schema registry refused ${doing}: ${status} ${message}`.trimEnd(),
    status === 401 || status === 403
      ? 'check registry.username and registry.password'
      : 'see the log of the registry, and docs/errors.md',
    { cause },
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
