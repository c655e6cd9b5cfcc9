/** The fields of one row; null is SQL's NULL. */
export type Fields = readonly (string | null)[];

const ESCAPED = /\\([\s\S])/g;

/** What COPY writes for characters that would end a field or a row; every other escaped character stands for itself. */
const CHARACTERS: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** Reads a line of COPY's text format, without its newline. */
export function fieldsOf(line: string): Fields {
  const fields = line.split('\t');
  if (!line.includes('\\')) return fields;
  return fields.map((field) => {
    if (!field.includes('\\')) return field;
    return field === '\\N'
      ? null
      : field.replace(ESCAPED, (_, character: string) => CHARACTERS[character] ?? character);
  });
}
