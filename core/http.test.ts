import { afterEach, expect, test } from 'vitest';
import { Registry } from 'prom-client';
import { serveHealth, type HttpServer } from './http.ts';

const servers: HttpServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serve(ready: string | null, port = 0): Promise<HttpServer> {
  const health = { ready: () => ready, status: () => ({ pipeline: 'p' }) };
  const server = await serveHealth({ host: '127.0.0.1', port }, new Registry(), health);
  servers.push(server);
  return server;
}

test('a worker that is not ready answers 503 with the reason, and stays alive', async () => {
  const { url } = await serve('retrying: the store is away');
  const ready = await fetch(`${url}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.text()).toBe('retrying: the store is away\n');
  expect((await fetch(`${url}/livez`)).status).toBe(200);
});

test('status is JSON, metrics are Prometheus text, anything else is not found', async () => {
  const { url } = await serve(null);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  expect(await (await fetch(`${url}/status`)).json()).toStrictEqual({ pipeline: 'p' });
  expect((await fetch(`${url}/metrics`)).headers.get('content-type')).toContain('text/plain');
  expect((await fetch(`${url}/`)).status).toBe(404);
});

test('a port that is taken is named with the way out', async () => {
  const { url } = await serve(null);
  await expect(serve(null, Number(new URL(url).port))).rejects.toMatchObject({
    code: 'PORT_IN_USE',
    exitCode: 5,
    fix: expect.stringContaining('--metrics-port') as unknown,
  });
});
