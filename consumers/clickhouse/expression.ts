/** What can be told of an expression of ClickHouse without a server: the columns that it names, and its parts. */

const TOKEN =
  /'(?:[^'\\]|\\.|'')*'|`((?:[^`\\]|\\.)*)`|"((?:[^"\\]|\\.)*)"|([A-Za-z_]\w*)(?!\w*\s*\()|[A-Za-z_]\w*|\d[\w.]*|\S/gs;
const INTERVAL = /\binterval\s+\d+\s+[a-z]+/gi;

/**
 * The names in an expression that stand for columns: all words but functions and intervals. A keyword counts as a name, so a
 * caller that allows columns alone refuses it.
 */
export function namesIn(expression: string): readonly string[] {
  const tokens = expression.replace(INTERVAL, ' ').matchAll(TOKEN);
  return [...tokens].flatMap(([, ticked, quoted, word]) => {
    const name = ticked ?? quoted;
    if (name !== undefined) return [name.replace(/\\(.)/gs, '$1')];
    return word === undefined ? [] : [word];
  });
}

/** A character, or a whole text or name in quotes. */
const CHARACTER = /'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`|[^]/gs;

/** `(toDate(at), id)` -> `toDate(at)`, `id`; the outer brackets may be absent. */
export function partsOf(list: string): readonly string[] {
  const parts = [''];
  let depth = 0;
  for (const [character] of list.matchAll(CHARACTER)) {
    if (character === ')') depth -= 1;
    if (character === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += character;
    if (character === '(') depth += 1;
  }
  const [only = '', ...others] = parts.map((part) => part.trim()).filter((part) => part !== '');
  return others.length === 0 && isInBrackets(only) ? partsOf(only.slice(1, -1)) : [only, ...others];
}

/** True of `(a)`, false of `(a) + (b)`. */
function isInBrackets(text: string): boolean {
  let depth = 0;
  for (const { 0: character, index } of text.matchAll(CHARACTER)) {
    if (character === '(') depth += 1;
    else if (character === ')') depth -= 1;
    if (depth === 0) return index > 0 && index === text.length - 1;
  }
  return false;
}

/** The name of the column that an expression is, null for every other one. */
export function columnIn(expression: string): string | null {
  const isName = /^(?:[A-Za-z_]\w*|`(?:[^`\\]|\\.)*`)$/s.test(expression);
  return isName ? (namesIn(expression)[0] ?? null) : null;
}
