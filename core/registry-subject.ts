import { redactUrl } from './config/redact.ts';
import type { RegistryConfig } from './config/schema.ts';
import { TailraceError } from './errors.ts';
import { askRegistry, messageOf, refused, type RegistryAnswer } from './registry-requests.ts';
import { fieldDifferences } from './schema-difference.ts';

/** A version of a subject; `schema` is its JSON. */
export interface SubjectVersion {
  readonly version: number;
  readonly schema: string;
}

/** What the registry says of a schema under a subject. */
export interface Standing {
  /** The schema's id where it is registered there; then the other fields are null. */
  readonly id: number | null;
  /** Null where the subject has no version yet. */
  readonly latest: SubjectVersion | null;
  /** The subject's own compatibility rule; null where the registry's counts. */
  readonly ownRule: string | null;
  /** SCHEMA_INCOMPATIBLE where the registry would refuse to register it. */
  readonly refusal: TailraceError | null;
}

/** Asks for a schema (as JSON) under a subject, and changes nothing. Throws REGISTRY_REJECTED and REGISTRY_UNREACHABLE. */
export async function standingOf(config: RegistryConfig, subject: string, text: string): Promise<Standing> {
  const id = await findId(config, subject, text);
  if (id !== null) return { id, latest: null, ownRule: null, refusal: null };
  const latest = await latestOf(config, subject);
  const ownRule = await ruleOf(config, `/config/${encodeURIComponent(subject)}`);
  if (latest === null) return { id, latest, ownRule, refusal: null };
  const rule = ownRule ?? (await ruleOf(config, '/config')) ?? 'BACKWARD';
  const isFit = rule === 'NONE' || (await isCompatible(config, subject, text, rule));
  return { id, latest, ownRule, refusal: isFit ? null : incompatible(config, subject, text, rule, latest) };
}

/** The id that the schema has under the subject; null when it is not registered there. */
async function findId(config: RegistryConfig, subject: string, text: string): Promise<number | null> {
  const doing = `looking for ${subject}`;
  const path = `/subjects/${encodeURIComponent(subject)}`;
  const answer = await askRegistry(config, doing, { method: 'POST', path, body: { schema: text } });
  if (answer.status === 404) return null;
  return Number(expectOk(doing, answer)['id']);
}

/** The subject's last version; null where there is none. */
async function latestOf(config: RegistryConfig, subject: string): Promise<SubjectVersion | null> {
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

/** The refusal of a schema that breaks the rule. */
export function incompatible(
  { url }: RegistryConfig,
  subject: string,
  text: string,
  rule: string,
  latest: SubjectVersion,
): TailraceError {
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

function expectOk(doing: string, answer: RegistryAnswer): Record<string, unknown> {
  if (answer.status < 200 || answer.status > 299) throw refused(doing, answer.status, messageOf(answer));
  return (answer.body ?? {}) as Record<string, unknown>;
}
