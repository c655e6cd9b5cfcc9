import type { Config } from './schema.ts';

const SECRET_KEYS = /^(password|apiKey|salt|secret|token)$/i;

/** A copy of the config that is safe to print: passwords in URLs and values of secret keys become `***`. */
export function redact(config: Config): unknown {
  return redactValue(config);
}

/** A URL with its password replaced; a text that is no URL comes back unchanged. */
export function redactUrl(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/[^/?#@]*?:)[^/?#]*(@)/i, '$1***$2');
}

function redactValue(value: unknown, key = ''): unknown {
  if (typeof value === 'string') return SECRET_KEYS.test(key) ? '***' : redactUrl(value);
  if (Array.isArray(value)) return value.map((item) => redactValue(item));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, redactValue(child, name)]));
  }
  return value;
}
