import { TailraceError, toError } from '../../core/errors.ts';
import type { Verdict } from '../sink.ts';
import { CALLED_COMMANDS, SCRIPT_COMMANDS } from './rights.ts';

interface Rule extends Verdict {
  /** Matched against the error's code and message; Redis begins its messages with a word that names the kind. */
  readonly pattern: RegExp;
}

const RULES: readonly Rule[] = [
  {
    pattern: /\b(WRONGTYPE|NOSTREAM)\b/,
    outcome: 'stop',
    code: 'SINK_FAILED',
    sentence:
      "Another program keeps a value of another type under a key that Tailrace keeps for a table (its __truncated:, its __layout: or its stream); delete that key or give the table's target another name.",
  },
  {
    pattern: /\bOOM\b/,
    outcome: 'throttle',
    code: 'SINK_THROTTLED',
    sentence:
      'Redis is at its maxmemory and refuses writes; raise maxmemory or free memory (the policy must be noeviction).',
  },
  {
    pattern: /max number of clients/,
    outcome: 'throttle',
    code: 'SINK_THROTTLED',
    sentence: 'Redis has no free connection; raise maxclients or close other clients.',
  },
  {
    pattern:
      /\b(NOAUTH|WRONGPASS|NOPERM|DENIED)\b|user executing the script|ACL failure in script|invalid password|without any password configured|no password is set/,
    outcome: 'stop',
    code: 'SINK_AUTH_FAILED',
    sentence: `Redis refused the user or a command; check user name and password, and that the user may run ${[...CALLED_COMMANDS, ...SCRIPT_COMMANDS].join(', ')}, for notify PUBLISH, for stream XADD, for a database of the url SELECT, in a cluster INFO, CLUSTER KEYSLOT and CLUSTER SLOTS.`,
  },
  {
    pattern: /\bMISCONF\b/,
    outcome: 'retry',
    code: 'SINK_UNREACHABLE',
    sentence:
      'Redis cannot save to its disk and refuses writes until it can; look at the disk and the log of the server.',
  },
  {
    pattern: /\b(LOADING|READONLY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|NOREPLICAS|BUSY|NOSCRIPT|UNBLOCKED)\b/,
    outcome: 'retry',
    code: 'SINK_UNREACHABLE',
    sentence: 'Redis is starting, failing over or busy; the sink goes on when it takes writes again.',
  },
  {
    pattern: /\b(MOVED|ASK)\b/,
    outcome: 'retry',
    code: 'SINK_UNREACHABLE',
    sentence:
      'The keys of a table are moving to another server of the Redis Cluster; the sink asks again where they are. If it goes on, the user lacks the right to INFO: allow it, since the sink cannot tell a cluster without.',
  },
  {
    pattern: /\bCROSSSLOT\b/,
    outcome: 'stop',
    code: 'SINK_FAILED',
    sentence:
      'Behind the url is a Redis Cluster; set hashTags: true for this sink, so that the keys of a table lie in one slot.',
  },
  {
    pattern: /DB index is out of range/,
    outcome: 'stop',
    code: 'SINK_FAILED',
    sentence:
      'The database number in the url does not exist on this server; use a lower one or raise its setting databases.',
  },
  {
    pattern:
      /\b(ECONNREFUSED|ECONNRESET|ECONNABORTED|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)\b|Connection is closed|connection close|isn't writeable|timed? ?out/i,
    outcome: 'retry',
    code: 'SINK_UNREACHABLE',
    sentence: 'Redis cannot be reached; check that it runs and that the url is right.',
  },
];

/** The store's error table. */
export function classify(error: unknown): Verdict {
  if (error instanceof TailraceError)
    return {
      outcome: error.code === 'SINK_EVENT_REJECTED' ? 'park' : 'stop',
      code: error.code,
      sentence: `${error.message} ${error.fix}`,
    };
  const { message } = toError(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const rule = RULES.find(({ pattern }) => pattern.test(`${code} ${message}`));
  if (rule === undefined)
    return {
      outcome: 'stop',
      code: 'SINK_FAILED',
      sentence: `Redis answered an error that Tailrace does not know: ${message}`,
    };
  return { outcome: rule.outcome, code: rule.code, sentence: rule.sentence };
}
