import { errors } from '@elastic/elasticsearch';
import { TailraceError, toError } from '../../core/errors.ts';
import type { Verdict } from '../sink.ts';

/**
 * An error answer of Elasticsearch, to a whole request or to one item of a bulk. It carries the status and the type alone:
 * the client's own error object quotes documents, and the reason does unless the request had none.
 */
export class ElasticsearchRefusal extends Error {
  readonly status: number;
  /** Elasticsearch's name of the error, for example `document_parsing_exception`. */
  readonly type: string;
  /** The server's own words, only where they can quote no document. */
  readonly reason: string | null;

  constructor(status: number, type: string, reason: string | null = null) {
    super(`Elasticsearch answered ${status} ${type}`);
    this.name = 'ElasticsearchRefusal';
    this.status = status;
    this.type = type;
    this.reason = reason;
  }
}

/** Our own type of error: Elasticsearch calls it a passing overload, but this request alone is larger than its limit. */
const OVERSIZED = 'operation_larger_than_indexing_pressure';
const OPERATION_SIZE = /_operation_bytes=(\d+), max_\w+_bytes=(\d+)/;

/** The refusal that an answer means; `reason` is looked at and not kept. */
export function refusalOf(status: number, type = 'unknown', reason = ''): ElasticsearchRefusal {
  const [, size = '0', limit = '0'] = OPERATION_SIZE.exec(reason) ?? [];
  return new ElasticsearchRefusal(status, BigInt(size) > BigInt(limit) ? OVERSIZED : type);
}

/** True when the request was larger than the server's limits, which a smaller request may mend. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof ElasticsearchRefusal && (error.status === 413 || error.type === OVERSIZED);
}

interface Rule extends Verdict {
  /** A rule without a status or without types fits any. */
  readonly statuses?: readonly number[];
  readonly types?: RegExp;
}

/** The first rule that fits decides. */
const RULES: readonly Rule[] = [
  {
    types: new RegExp(`^${OVERSIZED}$`),
    outcome: 'park',
    code: 'SINK_EVENT_REJECTED',
    sentence:
      'The row needs more memory than Elasticsearch gives to one request (a tenth of its heap); raise the heap or drop a column.',
  },
  {
    types: /^cluster_block_exception$/,
    outcome: 'retry',
    code: 'SINK_UNREACHABLE',
    sentence:
      'Elasticsearch blocks writes to the index (disk nearly full, index set read-only, or no master); the sink goes on when the block is lifted.',
  },
  {
    statuses: [429],
    outcome: 'throttle',
    code: 'SINK_THROTTLED',
    sentence: 'Elasticsearch is overloaded and refuses writes for now; give it more memory or fewer writers.',
  },
  {
    types: /^(es_rejected_execution_exception|circuit_breaking_exception)$/,
    outcome: 'throttle',
    code: 'SINK_THROTTLED',
    sentence: 'Elasticsearch is overloaded and refuses writes for now; give it more memory or fewer writers.',
  },
  {
    statuses: [401],
    outcome: 'stop',
    code: 'SINK_AUTH_FAILED',
    sentence: 'Elasticsearch refused the credentials; check url, username, password or apiKey of this sink.',
  },
  {
    statuses: [403],
    outcome: 'stop',
    code: 'SINK_AUTH_FAILED',
    sentence:
      'The user may not do this; it needs the cluster privilege monitor and the index privileges read, write, create_index, view_index_metadata and manage on the indices of this sink.',
  },
  {
    statuses: [413],
    outcome: 'park',
    code: 'SINK_EVENT_REJECTED',
    sentence: 'The row is larger than http.max_content_length of Elasticsearch; raise it or drop a column.',
  },
  {
    types: /^(index_not_found_exception|alias_not_found_exception|index_closed_exception)$/,
    outcome: 'stop',
    code: 'SINK_SCHEMA_CONFLICT',
    sentence: 'The index or its alias is gone or closed; restart the sink to make it again, then replay it.',
  },
  {
    // The first is what all shards together say, whose own words are the second.
    statuses: [404],
    types: /^(search_phase_execution_exception|search_context_missing_exception)$/,
    outcome: 'retry',
    code: 'SINK_UNREACHABLE',
    sentence:
      'Elasticsearch has lost the point in time that a truncate reads from (a restart of a node, or a page took over 5 minutes); the truncate begins anew.',
  },
  {
    types: /^(strict_dynamic_mapping_exception|invalid_index_name_exception|invalid_alias_name_exception)$/,
    outcome: 'stop',
    code: 'SINK_SCHEMA_CONFLICT',
    sentence:
      "The mapping or the name of the index does not fit the table; rename the columns, or delete the index and the sink's consumer group to fill it anew.",
  },
  {
    statuses: [400],
    outcome: 'park',
    code: 'SINK_EVENT_REJECTED',
    sentence:
      'Elasticsearch cannot hold this row; change it with a transform or leave it out, then start the sink again.',
  },
  {
    statuses: [408, 500, 502, 503, 504],
    outcome: 'retry',
    code: 'SINK_UNREACHABLE',
    sentence:
      'Elasticsearch is starting, failing over or has lost a shard; the sink goes on when it is back.',
  },
];

const UNREACHABLE_ERRORS = [
  errors.ConnectionError,
  errors.TimeoutError,
  errors.NoLivingConnectionsError,
  errors.RequestAbortedError,
];

/** The reason of a connection is an address or what TLS objects to; it never quotes a document. */
function unreachable(error: unknown): Verdict {
  const reason = error instanceof errors.ConnectionError ? ` (${oneLine(error.message)})` : '';
  return {
    outcome: 'retry',
    code: 'SINK_UNREACHABLE',
    sentence: `Elasticsearch does not answer or cannot be reached${reason}; check that it runs, and url and ca of this sink.`,
  };
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** The store's error table. */
export function classify(error: unknown): Verdict {
  if (error instanceof TailraceError)
    return {
      outcome: error.code === 'SINK_EVENT_REJECTED' ? 'park' : 'stop',
      code: error.code,
      sentence: `${error.message}; ${error.fix}`,
    };
  if (UNREACHABLE_ERRORS.some((kind) => error instanceof kind)) return unreachable(error);
  const rule = error instanceof ElasticsearchRefusal ? RULES.find((one) => fits(one, error)) : undefined;
  if (rule === undefined)
    return {
      outcome: 'stop',
      code: 'SINK_FAILED',
      sentence: `Elasticsearch failed in a way that Tailrace does not know: ${toError(error).message}`,
    };
  return { outcome: rule.outcome, code: rule.code, sentence: rule.sentence };
}

function fits(rule: Rule, { status, type }: ElasticsearchRefusal): boolean {
  return (rule.statuses?.includes(status) ?? true) && (rule.types?.test(type) ?? true);
}

/**
 * The client's error without what it carries: its `meta` holds the request with all documents, its message may quote the
 * answer, which quotes values. `keepsReason` is for requests without documents.
 */
export function withoutDocuments(error: unknown, keepsReason = false): Error {
  if (error instanceof errors.ResponseError) {
    const status = error.statusCode ?? 0;
    const [type, reason] = typeAndReason(error.body);
    return keepsReason && type !== undefined
      ? new ElasticsearchRefusal(status, type, reason ?? null)
      : refusalOf(status, type, reason);
  }
  if (error instanceof errors.TimeoutError) return new errors.TimeoutError(error.message);
  if (error instanceof errors.ConnectionError) return new errors.ConnectionError(error.message);
  if (error instanceof errors.ElasticsearchClientError) return new Error(error.name);
  return toError(error);
}

function typeAndReason(body: unknown): [type?: string, reason?: string] {
  const { error } = (body ?? {}) as { error?: { type?: unknown; reason?: unknown } };
  return typeof error?.type === 'string' ? [error.type, String(error.reason)] : [];
}
