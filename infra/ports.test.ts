import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { choosePort, explicitPort, isPortFree, portHolder, untilPortIsFree } from './ports.ts';

let listener: Server | undefined;
afterEach(() => listener?.close());

const allFree = () => Promise.resolve(true);
const noneOf =
  (...used: number[]) =>
  (port: number) =>
    Promise.resolve(!used.includes(port));

async function occupiedPort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  listener = createServer();
  listener.listen(0, '127.0.0.1', () => {
    const address = listener?.address();
    resolve(typeof address === 'object' && address !== null ? address.port : 0);
  });
  return promise;
}

test('the remembered port comes before the well-known one, and that before any other', async () => {
  expect(await choosePort({ remembered: 7000, wellKnown: 5432 }, new Set(), allFree)).toBe(7000);
  expect(await choosePort({ remembered: 7000, wellKnown: 5432 }, new Set(), noneOf(7000))).toBe(5432);
});

test('a port that is chosen for the user lies below the range of outgoing connections', async () => {
  const port = await choosePort({ wellKnown: 5432 }, new Set(), noneOf(5432));
  expect(port).toBeGreaterThanOrEqual(20_000);
  expect(port).toBeLessThan(30_000);
});

test('two servers of one command never get the same port', async () => {
  const taken = new Set<number>();
  expect(await choosePort({ wellKnown: 5432 }, taken, allFree)).toBe(5432);
  expect(await choosePort({ wellKnown: 5432 }, taken, allFree)).not.toBe(5432);
});

test('an explicit port in use is a conflict that names the variable and the holder', async () => {
  const port = await occupiedPort();
  expect(await isPortFree(port)).toBe(false);
  const attempt = choosePort({ explicit: { port, from: 'TAILRACE_REDIS_PORT' } }, new Set());
  await expect(attempt).rejects.toMatchObject({ code: 'PORT_IN_USE', exitCode: 5 });
  await expect(attempt).rejects.toThrow(`from TAILRACE_REDIS_PORT) is in use by process ${process.pid} (`);
});

test('nobody holds a free port', async () => {
  const port = await occupiedPort();
  await new Promise((resolve) => listener?.close(resolve));
  expect(await isPortFree(port)).toBe(true);
  expect(portHolder(port)).toBeUndefined();
});

test('the port of a server is read from its variable, and must be one', () => {
  expect(explicitPort('redis', {})).toBeUndefined();
  expect(explicitPort('redis', { TAILRACE_REDIS_PORT: '6380' })).toEqual({
    port: 6380,
    from: 'TAILRACE_REDIS_PORT',
  });
  expect(() => explicitPort('redis', { TAILRACE_REDIS_PORT: '70000' })).toThrow('TAILRACE_REDIS_PORT=70000');
});

test('a port that is given back is waited for', async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen({ port: 0, host: '127.0.0.1' }, resolve));
  const { port } = holder.address() as AddressInfo;
  let isFree = false;
  const waiting = untilPortIsFree(port, 20_000).then(() => (isFree = true));
  expect(await isPortFree(port)).toBe(false);
  expect(isFree).toBe(false);
  holder.close();
  await waiting;
  expect(await isPortFree(port)).toBe(true);
});
