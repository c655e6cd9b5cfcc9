/** One statement of a file of SQL. */
export interface SqlStatement {
  /** Without the semicolon, and without comments before it. */
  readonly text: string;
  /** Where the text begins in the file, in UTF-16 units. */
  readonly offset: number;
  /** Its bare words outside of parentheses, in lower case: `create index concurrently on places`. */
  readonly words: string;
}

const BLANK = /(?:\s+|--[^\n]*)+/y;
const STRING = /'(?:[^']|'')*(?:'|$)/y;
const ESCAPE_STRING = /[eE]'(?:[^'\\]|\\[^]|'')*(?:'|$)/y;
const IDENTIFIER = /"(?:[^"]|"")*(?:"|$)/y;
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const COMMENT_MARK = /\/\*|\*\//g;

/**
 * The statements of a file as psql would send them one by one: semicolons in strings, quoted names, comments, parentheses,
 * dollar quotes and the bodies of SQL functions (BEGIN ATOMIC) end none.
 */
export function splitStatements(sql: string): SqlStatement[] {
  const statements: SqlStatement[] = [];
  let start: number | null = null;
  let words: string[] = [];
  let depth = 0;
  /** Of BEGIN ATOMIC and the CASE inside of it, which both end with END. */
  let bodies = 0;
  let place = 0;
  const end = (at: number) => {
    if (start !== null)
      statements.push({ text: sql.slice(start, at).trimEnd(), offset: start, words: words.join(' ') });
    [start, words, depth, bodies] = [null, [], 0, 0];
  };
  while (place < sql.length) {
    const blank = skipBlank(sql, place);
    if (blank > place) {
      place = blank;
      continue;
    }
    const character = sql[place];
    if (character === ';' && depth === 0 && bodies === 0) {
      end(place);
      place++;
      continue;
    }
    start ??= place;
    const word = match(ESCAPE_STRING, sql, place) === null ? match(WORD, sql, place) : null;
    if (word !== null) {
      const lower = word.toLowerCase();
      if (lower === 'atomic' && words.at(-1) === 'begin') bodies++;
      else if (bodies > 0 && lower === 'case') bodies++;
      else if (bodies > 0 && lower === 'end') bodies--;
      if (depth === 0) words.push(lower);
      place += word.length;
    } else {
      if (character === '(') depth++;
      if (character === ')') depth = Math.max(0, depth - 1);
      place = afterToken(sql, place);
    }
  }
  end(sql.length);
  return statements;
}

/** Where white space and comments, which can be nested, have ended. */
function skipBlank(sql: string, from: number): number {
  let place = from + (match(BLANK, sql, from)?.length ?? 0);
  while (sql.startsWith('/*', place)) {
    COMMENT_MARK.lastIndex = place;
    let depth = 0;
    do {
      const mark = COMMENT_MARK.exec(sql);
      if (mark === null) return sql.length;
      depth += mark[0] === '/*' ? 1 : -1;
    } while (depth > 0);
    place = COMMENT_MARK.lastIndex;
    place += match(BLANK, sql, place)?.length ?? 0;
  }
  return place;
}

/** Where a quoted text, or else one character, has ended. */
function afterToken(sql: string, place: number): number {
  for (const pattern of [ESCAPE_STRING, STRING, IDENTIFIER]) {
    const quoted = match(pattern, sql, place);
    if (quoted !== null) return place + quoted.length;
  }
  const tag = match(DOLLAR_TAG, sql, place);
  if (tag === null) return place + 1;
  const close = sql.indexOf(tag, place + tag.length);
  return close === -1 ? sql.length : close + tag.length;
}

function match(pattern: RegExp, sql: string, place: number): string | null {
  pattern.lastIndex = place;
  return pattern.exec(sql)?.[0] ?? null;
}
