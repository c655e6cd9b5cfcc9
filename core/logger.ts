import { pino, type Logger } from 'pino';
import { TailraceError, toError } from './errors.ts';

export type { Logger };

/**
 * JSON lines on stderr (stdout belongs to data). The level comes from `TAILRACE_LOG` (trace, debug, info, warn, error,
 * silent; default info). Row values and secrets must never be passed to it.
 */
export function createLogger(bindings: Record<string, string>): Logger {
  return pino(
    {
      base: bindings,
      level: process.env['TAILRACE_LOG'] ?? 'info',
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: errorForLog },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}

/** An error of ours is for people: no stack, and no cause, whose message is the driver's and may quote a row. */
function errorForLog(thrown: unknown): unknown {
  if (!(thrown instanceof TailraceError)) return pino.stdSerializers.err(toError(thrown));
  const { code, message, fix } = thrown;
  return { code, message, fix };
}
