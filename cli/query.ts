import { readFileSync } from 'node:fs';
import { text as readAll } from 'node:stream/consumers';
import { Command, Option } from 'commander';
import { configureSink } from '../consumers/load-sink.ts';
import { SOURCE_NAME } from '../core/config/schema.ts';
import { TailraceError, toError } from '../core/errors.ts';
import type { Answer, Question } from '../core/query.ts';
import { querySource } from '../producers/postgres/query.ts';
import { answerCsv, answerJson, answerTable } from './answer-output.ts';
import { loadFrom, loadWithSource, selectSinks, withConfig, type ConfigOption } from './options.ts';
import { stopSignal } from './stop-signal.ts';
import { formatNumber } from './table.ts';

/** What a client gets to end its question on the server, before the process goes. */
const GRACE_MS = 2_000;

interface QueryOptions extends ConfigOption {
  readonly file?: string;
  readonly write?: boolean;
  readonly maxRows: string;
  readonly timeout: string;
  readonly json?: boolean;
  readonly csv?: boolean;
}

export function queryCommand(): Command {
  return withConfig(new Command('query'))
    .description(
      "ask a sink's store in its own language, or the source in SQL; it only reads without --write",
    )
    .argument('<sink>', "a sink of the config, or postgres for the pipeline's source")
    .argument('[text]', 'the question; - reads it from stdin')
    .option('-f, --file <file>', 'read the question from a file')
    .option('--write', 'let the question change something')
    .option('--max-rows <count>', 'rows that are shown', '1000')
    .option('--timeout <seconds>', 'how long it may take', '60')
    .option('--json', 'as JSON')
    .addOption(new Option('--csv', 'as CSV').conflicts('json'))
    .addHelpText(
      'after',
      `
Examples:
  tailrace query postgres "SELECT count(*) FROM contacts"
  tailrace query search 'contacts owner:Bob AND rank:>3'     Elasticsearch: index, then Lucene's query language
  tailrace query search 'contacts {"query":{"term":{"id":7}}}'          or a search body
  tailrace query search 'GET /_cat/indices'                             or any request that reads
  tailrace query olap "SELECT owner, count() FROM contacts_current GROUP BY owner"
  tailrace query docs 'contacts {"owner": "Bob"}'            MongoDB: collection, then a filter or a pipeline
  tailrace query docs '{"count": "contacts"}'                           or a command as Extended JSON
  tailrace query cache 'HGETALL contacts:7'                  Redis: a command as in redis-cli
  tailrace query graph 'MATCH (c:Contacts) RETURN c.id, c.name LIMIT 5'
  tailrace query olap -f report.sql --csv > report.csv

The rows go to stdout, their number and the time to stderr.`,
    )
    .action(async (sink: string, text: string | undefined, options: QueryOptions) => {
      process.exitCode = await query(sink, text, options);
    });
}

async function query(sink: string, given: string | undefined, options: QueryOptions): Promise<number> {
  const limits = {
    maxRows: countOf('--max-rows', options.maxRows),
    timeoutMs: countOf('--timeout', options.timeout) * 1000,
  };
  const ask = await asker(sink, options);
  const text = await questionText(given, options.file);
  const stopped = stopSignal();
  const startedAt = performance.now();
  try {
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(limits.timeoutMs)]);
    const question: Question = { text, write: options.write === true, ...limits, signal };
    const answer = await untilAborted(ask(question), signal);
    const seconds = Math.round(performance.now() - startedAt) / 1000;
    process.stdout.write(rendered(sink, answer, seconds, options));
    process.stderr.write(summary(answer, seconds, limits.maxRows));
    return 0;
  } catch (error) {
    if (stopped.signal.aborted) return 130;
    throw error instanceof DOMException ? tooSlow(options.timeout) : error;
  } finally {
    stopped.forget();
  }
}

/** What puts a question to the sink or to the source. Throws SINK_NOT_FOUND and CONFIG_INVALID. */
async function asker(sink: string, options: ConfigOption): Promise<(question: Question) => Promise<Answer>> {
  if (sink === SOURCE_NAME) {
    const { config } = await loadWithSource(options);
    return (question) => querySource(config.source.url, question);
  }
  const loaded = await loadFrom(options);
  selectSinks(loaded, [sink]);
  const config = loaded.config.sinks[sink];
  if (config === undefined) throw new RangeError(`no sink ${sink}`);
  const { module, options: own } = await configureSink(loaded.file, sink, config);
  return async (question) => {
    try {
      return await module.query(own, question);
    } catch (error) {
      if (error instanceof TailraceError) throw error;
      const { code, sentence } = module.classify(error);
      throw new TailraceError(code, `sink ${sink}: ${toError(error).message}`, sentence, { cause: error });
    }
  };
}

/** Throws USAGE where the question is given twice, not at all, or cannot be read. */
async function questionText(given: string | undefined, file: string | undefined): Promise<string> {
  if ((given === undefined) === (file === undefined))
    throw new TailraceError(
      'USAGE',
      'one question is needed',
      'give it as TEXT, as - on stdin, or with -f FILE',
    );
  const text = (await read(given, file)).trim();
  if (text === '')
    throw new TailraceError('USAGE', 'the question is empty', 'write it in the language of the store');
  return text;
}

async function read(given: string | undefined, file: string | undefined): Promise<string> {
  if (given === '-' || file === '-') return readAll(process.stdin);
  if (file === undefined) return given ?? '';
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new TailraceError(
      'USAGE',
      `${file} cannot be read: ${toError(error).message}`,
      'name a file of text',
    );
  }
}

/** Throws USAGE. */
function countOf(option: string, text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count > 0 && count <= 2_000_000) return count;
  throw new TailraceError(
    'USAGE',
    `${option} ${text} is no such number`,
    'give a whole number from 1 to 2000000',
  );
}

/** Rejects with the signal's reason some time after it, whatever the client of the store does by then. */
function untilAborted<Result>(asked: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const end = () => reject(signal.reason as Error);
    signal.addEventListener('abort', () => setTimeout(end, GRACE_MS), { once: true });
    // A client that was interrupted has its own name for that.
    asked.then(resolve, (error: unknown) => (signal.aborted ? end() : reject(toError(error))));
  });
}

function tooSlow(timeoutSeconds: string): TailraceError {
  return new TailraceError(
    'QUERY_FAILED',
    `no answer within ${timeoutSeconds} s`,
    'ask for less, or give it more time with --timeout SECONDS',
  );
}

function rendered(sink: string, answer: Answer, seconds: number, { json, csv }: QueryOptions): string {
  if (json === true) return answerJson(sink, answer, seconds);
  return csv === true ? answerCsv(answer) : answerTable(answer);
}

/** `2 rows in 0.013 s`, and how to see the others; a store that answers fewer than were asked for has a limit of its own. */
export function summary({ rows, truncated }: Answer, seconds: number, maxRows: number): string {
  const count = `${formatNumber(rows.length)} ${rows.length === 1 ? 'row' : 'rows'}`;
  const way =
    rows.length < maxRows
      ? 'the store answers no more at once: narrow the question'
      : '--max-rows shows them';
  return `${count} in ${seconds.toFixed(3)} s${truncated ? `; there are more, ${way}` : ''}\n`;
}
