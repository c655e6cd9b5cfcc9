import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { TailraceError } from './errors.ts';

/** What a worker answers: `ready` is null when it is, else why it is not. */
export interface WorkerHealth {
  ready(): string | null;
  status(): unknown;
}

export interface HttpServer {
  /** `http://host:port`, with the port that was really taken. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves `/livez` (answers as long as the event loop turns), `/readyz` (503 with the reason when not connected or
 * halted), `/status` (JSON) and `/metrics` (Prometheus). Port 0 takes a free one. Throws PORT_IN_USE.
 */
export async function serveHealth(
  address: { host: string; port: number },
  registry: Registry,
  health: WorkerHealth,
): Promise<HttpServer> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0];
    if (path === '/livez') send(response, 200, 'text/plain', 'ok\n');
    else if (path === '/readyz') {
      const reason = health.ready();
      send(response, reason === null ? 200 : 503, 'text/plain', `${reason ?? 'ok'}\n`);
    } else if (path === '/status')
      send(response, 200, 'application/json', `${JSON.stringify(health.status())}\n`);
    else if (path === '/metrics') {
      registry.metrics().then(
        (text) => send(response, 200, registry.contentType, text),
        () => send(response, 500, 'text/plain', 'metrics failed\n'),
      );
    } else send(response, 404, 'text/plain', 'not found; there are /livez /readyz /status /metrics\n');
  });
  await listen(server, address);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${address.host.includes(':') ? `[${address.host}]` : address.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new TailraceError(
              'PORT_IN_USE',
              `port ${port} on ${host} is taken by another program`,
              'choose another with metrics.port in the config or --metrics-port (0 takes a free one)',
              { cause: error },
            )
          : new TailraceError(
              'CONFIG_INVALID',
              `cannot listen on ${host}:${port}: ${error.message}`,
              'mend metrics.host and metrics.port',
              {
                cause: error,
              },
            ),
      );
    });
    server.listen(port, host, resolve);
  });
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}
