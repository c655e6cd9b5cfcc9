const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\u0007' };
/** A part of a word: in double quotes, in single quotes, or up to the next space or quote. */
const PART = /"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s"']+)/sy;

/**
 * The words of a line as redis-cli reads it: in double quotes `\n \r \t \b \a \xHH` and `\` before any other character, in
 * single quotes `\'` alone. A word is bytes, since `\xHH` need not be UTF-8. Null where a quote is left open.
 */
export function wordsOf(line: string): Buffer[] | null {
  const words: Buffer[] = [];
  let position = 0;
  for (;;) {
    position += /^\s*/.exec(line.slice(position))?.[0].length ?? 0;
    if (position === line.length) return words;
    const parts: Buffer[] = [];
    while (position < line.length && !/\s/.test(line.charAt(position))) {
      PART.lastIndex = position;
      const [whole, double, single, plain = ''] = PART.exec(line) ?? [];
      if (whole === undefined) return null;
      position += whole.length;
      if (double !== undefined) parts.push(...unescaped(double));
      else parts.push(Buffer.from(single?.replace(/\\'/g, "'") ?? plain));
    }
    words.push(Buffer.concat(parts));
  }
}

function unescaped(text: string): Buffer[] {
  return [...text.matchAll(/\\x([0-9a-f]{2})|\\(.)|[^\\]+/gis)].map(([whole, hex, character]) => {
    if (hex !== undefined) return Buffer.from(hex, 'hex');
    return Buffer.from(character === undefined ? whole : (ESCAPES[character] ?? character));
  });
}
