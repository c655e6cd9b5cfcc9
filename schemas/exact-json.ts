/** 17 digits or more, or 16 that start with a 9, can exceed 2^53, from where JSON.parse rounds. */
const LARGE_INTEGER = /[:,[\s-](?:\d{17}|9\d{15})/;

/** JSON.parse that returns integers beyond 2^53 as bigint. Throws SyntaxError, which quotes the text. */
export function parseExact(text: string): unknown {
  if (!LARGE_INTEGER.test(text)) return JSON.parse(text) as unknown;
  return JSON.parse(text, function exact(
    this: unknown,
    _key: string,
    value: unknown,
    context?: { source?: string },
  ) {
    if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
    return context?.source !== undefined && /^-?\d+$/.test(context.source) ? BigInt(context.source) : value;
  } as (key: string, value: unknown) => unknown) as unknown;
}
