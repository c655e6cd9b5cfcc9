import { pino, type Logger } from 'pino';
import { TailraceError, toError } from './errors.ts';

export type { Logger };

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];

/**
 * JSON lines on stderr (stdout belongs to data). The level comes from `TAILRACE_LOG` (trace, debug, info, warn, error,
 * silent; default info). Row values and secrets must never be passed to it. Throws USAGE for a level that there is not.
 */
export function createLogger(bindings: Record<string, string>): Logger {
  return pino(
    {
      base: bindings,
      level: logLevel(process.env['TAILRACE_LOG']),
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: errorForLog },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}

/** An empty variable is one that is not set. */
function logLevel(given = ''): string {
  if (given === '') return 'info';
  if (LEVELS.includes(given)) return given;
  throw new TailraceError(
    'USAGE',
    `TAILRACE_LOG is ${JSON.stringify(given)}, which is no level of the log`,
    `set it to one of: ${LEVELS.join(', ')}`,
  );
}

/** An error of ours is for people: no stack, and no cause, whose message is the driver's and may quote a row. */
function errorForLog(thrown: unknown): unknown {
  if (!(thrown instanceof TailraceError)) return pino.stdSerializers.err(toError(thrown));
  const { code, message, fix } = thrown;
  return { code, message, fix };
}
