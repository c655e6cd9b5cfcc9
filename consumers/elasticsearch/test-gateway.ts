import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A bulk request as it comes by. */
export interface PassingBulk {
  readonly bytes: number;
  readonly documents: number;
  /** What was answered. */
  readonly status: number;
}

export interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/**
 * An HTTP gateway before the real server at `upstream`, as a load balancer is: it passes every request on, but answers itself
 * the bulk requests that `refuse` has an answer for. The limits of Elasticsearch itself are settings of its start.
 */
export async function startGateway(
  upstream: string,
  refuse: (bulk: Omit<PassingBulk, 'status'>) => Refusal | null,
): Promise<{ readonly url: string; readonly bulks: readonly PassingBulk[]; close(): Promise<void> }> {
  const bulks: PassingBulk[] = [];
  const target = new URL(upstream);
  const server = createServer((request, response) => {
    void (async () => {
      const { method = 'GET', url = '/', headers } = request;
      const body = await buffer(request);
      const isBulk = url.startsWith('/_bulk');
      const bulk = { bytes: body.length, documents: body.toString().split('\n').length >> 1 };
      const refusal = isBulk ? refuse(bulk) : null;
      const answer = refusal ?? (await passOn(target, { method, url, headers, body }));
      if (isBulk) bulks.push({ ...bulk, status: answer.status });
      response.writeHead(answer.status, {
        'content-type': answer.type,
        'x-elastic-product': 'Elasticsearch',
      });
      response.end(answer.body);
    })().catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const own = new URL(upstream);
  own.port = String((server.address() as AddressInfo).port);
  return {
    url: own.href,
    bulks,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

interface Passed {
  readonly method: string;
  readonly url: string;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer<ArrayBuffer>;
}

async function passOn({ origin }: URL, { method, url, headers, body }: Passed): Promise<Refusal> {
  const kept = ['authorization', 'content-type', 'accept'].flatMap((name) =>
    headers[name] === undefined ? [] : [[name, String(headers[name])] as [string, string]],
  );
  const response = await fetch(`${origin}${url}`, {
    method,
    headers: kept,
    ...(body.length > 0 && { body }),
  });
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? 'application/json',
    body: await response.text(),
  };
}
