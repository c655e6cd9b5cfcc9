import { ClickHouseError, type ClickHouseSettings } from '@clickhouse/client';
import { TailraceError } from '../../core/errors.ts';
import { cellOfJson, parseExactly } from '../../core/exact-json.ts';
import { queryFailed, queryRefused, type Answer, type Question } from '../../core/query.ts';
import { openClient } from './client.ts';
import type { ClickHouseOptions } from './config.ts';
import { classify } from './errors.ts';

/** Names, types, then the rows, each a line. */
const FORMAT = 'JSONCompactEachRowWithNamesAndTypes';
const HEADER_LINES = 2;
/** The server ends a slow statement itself, and says so. */
const SERVER_FIRST_MS = 5_000;
const LINE_END = 10;

/** Runs one statement of ClickHouse's SQL; without `write` the server holds it to reading (`readonly = 1`). */
export async function query(options: ClickHouseOptions, question: Question): Promise<Answer> {
  const client = openClient(options, { request_timeout: question.timeoutMs + SERVER_FIRST_MS });
  try {
    const { stream, response_headers: headers } = await client.exec({
      query: question.text,
      abort_signal: question.signal,
      clickhouse_settings: settingsFor(question),
      // Not the clause FORMAT: a statement without rows would refuse it.
      http_headers: { 'X-ClickHouse-Format': FORMAT },
    });
    assertFormat(headers['x-clickhouse-format']);
    return answerOf(await firstLines(stream, HEADER_LINES + question.maxRows + 1), question.maxRows);
  } catch (error) {
    throw told(error);
  } finally {
    await client.close();
  }
}

function settingsFor({ write, maxRows, timeoutMs }: Question): ClickHouseSettings {
  return {
    max_execution_time: Math.ceil(timeoutMs / 1000),
    cancel_http_readonly_queries_on_client_close: 1,
    // An error in the middle of the rows would otherwise come behind a status that says ok.
    wait_end_of_query: 1,
    // Digits are kept by the parser; decimals as strings also keep their last zeros.
    output_format_json_quote_64bit_integers: 0,
    output_format_json_quote_decimals: 1,
    output_format_decimal_trailing_zeros: 1,
    output_format_json_quote_denormals: 1,
    // The server ends behind the block that reaches the limit. What a statement writes must not be limited so.
    ...(write ? {} : { readonly: '1', max_result_rows: String(maxRows + 1), result_overflow_mode: 'break' }),
  };
}

/** A statement without an answer has no header. */
function assertFormat(format: string | string[] | undefined): void {
  if (format === undefined || format === FORMAT) return;
  throw queryFailed(
    'ClickHouse',
    new Error(`the statement asks for the format ${String(format)}; leave FORMAT away`),
  );
}

/** At least this many lines, where there are so many; the end of the last one may be missing where there are more. */
async function firstLines(stream: AsyncIterable<Buffer>, count: number): Promise<string[]> {
  const parts: Buffer[] = [];
  let ends = 0;
  for await (const part of stream) {
    parts.push(part);
    for (const byte of part) if (byte === LINE_END) ends++;
    if (ends >= count) break;
  }
  const lines = Buffer.concat(parts).toString().split('\n');
  return lines.filter((line) => line !== '');
}

function answerOf([names = '[]', _types, ...rows]: readonly string[], maxRows: number): Answer {
  return {
    columns: JSON.parse(names) as string[],
    rows: rows.slice(0, maxRows).map((row) => (parseExactly(row) as unknown[]).map(cellOfJson)),
    truncated: rows.length > maxRows,
  };
}

/** Errors of connection and login stay as they are. */
function told(error: unknown): unknown {
  if (error instanceof TailraceError || !(error instanceof ClickHouseError)) return error;
  if (error.type === 'READONLY') return queryRefused(`ClickHouse: ${error.message.trim()}`);
  return classify(error).code === 'SINK_AUTH_FAILED' ? error : queryFailed('ClickHouse', error);
}
