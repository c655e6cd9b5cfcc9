import { z } from 'zod';

/** An object that allows these keys only; the error for any other key names it and lists the allowed ones. */
export function strictOptions<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `unknown key ${issue.keys.map((key) => `"${key}"`).join(', ')}; allowed: ${Object.keys(shape).join(', ')}`
        : undefined,
  });
}
