/** An Avro schema as JSON. */
type Json = unknown;

interface Field {
  readonly name: string;
  readonly type: Json;
  readonly default?: Json;
}

/** What Avro's resolution lets a reader of the second type take from a writer of the first. */
const PROMOTIONS: Readonly<Record<string, readonly string[]>> = {
  int: ['long', 'float', 'double'],
  long: ['float', 'double'],
  float: ['double'],
  string: ['bytes'],
  bytes: ['string'],
};

/**
 * The fields in which a new Avro schema differs from an old one so that not every reader of one can read the other, each in
 * one phrase: `n: int, was string`. Registries tell the rule that is broken, but not always the field.
 */
export function fieldDifferences(before: Json, after: Json): string[] {
  return [...new Set(differences(before, after, ''))];
}

function differences(before: Json, after: Json, path: string): string[] {
  const [left, right] = [withoutNull(before), withoutNull(after)];
  const [oldFields, newFields] = [fieldsOf(left), fieldsOf(right)];
  if (oldFields === null || newFields === null) {
    const [was, is] = [typeText(left), typeText(right)];
    const isSame = was === is || PROMOTIONS[was]?.includes(is) === true;
    const lostNull = isNullable(before) && !isNullable(after);
    if (isSame && !lostNull) return [];
    return [`${path}: ${is}${lostNull ? ' (not null)' : ''}, was ${was}${lostNull ? ' (nullable)' : ''}`];
  }
  return [
    ...newFields.flatMap((field) => {
      const old = oldFields.find(({ name }) => name === field.name);
      if (old !== undefined) return differences(old.type, field.type, joined(path, field.name));
      return field.default === undefined ? [`${joined(path, field.name)}: added without a default`] : [];
    }),
    ...oldFields.flatMap((field) =>
      field.default === undefined && newFields.every(({ name }) => name !== field.name)
        ? [`${joined(path, field.name)}: removed, and had no default`]
        : [],
    ),
  ];
}

/** The row is a field of the envelope: its columns are told by their names alone. */
function joined(path: string, name: string): string {
  return path === '' || path === 'before' || path === 'after' ? name : `${path}.${name}`;
}

function withoutNull(type: Json): Json {
  if (!Array.isArray(type)) return type;
  const others = (type as Json[]).filter((branch) => branch !== 'null');
  return others.length === 1 ? others[0] : others;
}

function isNullable(type: Json): boolean {
  return Array.isArray(type) && type.includes('null');
}

function fieldsOf(type: Json): readonly Field[] | null {
  const fields = (type as { fields?: unknown } | null)?.fields;
  return Array.isArray(fields) ? (fields as Field[]) : null;
}

/** A type as people write it: `int`, or a logical type with its parameters. */
function typeText(type: Json): string {
  // A named type may be told with its namespace or without.
  if (typeof type === 'string') return type.slice(type.lastIndexOf('.') + 1);
  if (type === null || typeof type !== 'object') return JSON.stringify(type);
  const { type: base, logicalType, precision, scale, name } = type as Record<string, unknown>;
  if (typeof logicalType !== 'string') return typeof name === 'string' ? name : JSON.stringify(base ?? type);
  const numbers = [precision, scale].filter((part) => typeof part === 'number');
  return `${logicalType}${numbers.length === 0 ? '' : `(${numbers.join(',')})`}`;
}
