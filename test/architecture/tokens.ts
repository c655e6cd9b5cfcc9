/**
 * A piece of TypeScript as far as imports need it: `name` covers keywords, `text` is a string without substitutions
 * (unquoted), `other` is punctuation, a number, a regular expression or a template with substitutions.
 */
export interface Token {
  readonly kind: 'name' | 'text' | 'other';
  readonly text: string;
}

const BLANK_OR_COMMENT = /(?:\s+|\/\/[^\n]*|\/\*[^]*?\*\/)+/y;
const NAME = /[\p{ID_Start}_$][\p{ID_Continue}$\u200c\u200d]*/uy;
const NUMBER = /\d[\w.]*/y;
const STRING = /'(?:[^'\\\n]|\\[^])*'|"(?:[^"\\\n]|\\[^])*"/y;
const REGULAR_EXPRESSION = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
/** After these words comes a value, so a slash begins a regular expression and does not divide. */
const WORDS_BEFORE_A_VALUE =
  /^(?:return|typeof|case|in|of|new|delete|void|throw|await|yield|else|do|default)$/;

/**
 * Splits source text into tokens; comments are dropped, and templates give the tokens of their substitutions too. It
 * knows just enough of the language to never take the inside of a text, comment or regular expression for code. Throws
 * SyntaxError where a text or comment has no end.
 */
export function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(source)?.[0];
    at += found?.length ?? 0;
    return found;
  };
  /** Reads code to the end of the text, or to the brace that closes a substitution. */
  const readCode = (isSubstitution: boolean): void => {
    let depth = 0;
    while (at < source.length) {
      if (take(BLANK_OR_COMMENT) !== undefined) continue;
      const name = take(NAME);
      if (name !== undefined) {
        tokens.push({ kind: 'name', text: name });
        continue;
      }
      const text = take(STRING);
      if (text !== undefined) {
        tokens.push({ kind: 'text', text: text.slice(1, -1) });
        continue;
      }
      if (source[at] === '`') {
        readTemplate();
        continue;
      }
      const other =
        take(NUMBER) ??
        (isValueNext(tokens.at(-1)) ? take(REGULAR_EXPRESSION) : undefined) ??
        source[at++] ??
        '';
      if (other === "'" || other === '"')
        throw new SyntaxError(`a text has no end: ${source.slice(at - 1, at + 30)}`);
      if (other === '{') depth++;
      if (other === '}' && depth-- === 0 && isSubstitution) return;
      tokens.push({ kind: 'other', text: other });
    }
    if (isSubstitution) throw new SyntaxError('a substitution has no end');
  };
  const readTemplate = (): void => {
    const start = ++at;
    let isPlain = true;
    while (source[at] !== '`') {
      if (at >= source.length) throw new SyntaxError('a template has no end');
      if (source[at] === '\\') at += 2;
      else if (source.startsWith('${', at)) {
        isPlain = false;
        at += 2;
        readCode(true);
      } else at++;
    }
    tokens.push(isPlain ? { kind: 'text', text: source.slice(start, at) } : { kind: 'other', text: '``' });
    at++;
  };
  readCode(false);
  return tokens;
}

function isValueNext(before: Token | undefined): boolean {
  if (before === undefined) return true;
  if (before.kind === 'name') return WORDS_BEFORE_A_VALUE.test(before.text);
  if (before.kind === 'text') return false;
  return !/^(?:[)\]}]|``|\d.*|\/.+)$/.test(before.text);
}
