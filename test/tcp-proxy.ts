import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface TcpProxy {
  /** The loopback port; the same after `restore`. */
  readonly port: number;
  /** Breaks every connection and refuses new ones, as a dead server does. */
  cut(): Promise<void>;
  /** After a cut: takes connections again, and passes them on. */
  restore(): Promise<void>;
  /** From now on takes connections and passes nothing on, of those that are open neither, as a server that hangs. */
  freeze(): void;
  /** Cuts as soon as this many more bytes have come from clients: in the middle of a request. */
  cutAfter(bytes: number): Promise<void>;
}

/** Passes bytes to `host:port` until it is cut: an outage of a server that is really up. */
export async function startTcpProxy(host: string, port: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let onBytes: (count: number) => void = () => undefined;
  let isFrozen = false;
  const server = createServer((client) => {
    if (isFrozen) {
      sockets.add(client);
      client.on('error', () => undefined);
      client.on('close', () => sockets.delete(client));
      return;
    }
    const upstream = connect(port, host);
    client.on('data', (chunk) => onBytes(chunk.length));
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  const listen = async (at: number): Promise<void> => {
    server.listen(at, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const cut = async (): Promise<void> => {
    server.close();
    for (const socket of sockets) socket.destroy();
    if (server.listening || sockets.size > 0) await once(server, 'close');
  };
  const { port: own } = server.address() as AddressInfo;
  return {
    port: own,
    cut,
    restore: () => {
      isFrozen = false;
      return listen(own);
    },
    freeze: () => {
      isFrozen = true;
      // Without a reader a socket takes no more bytes than its buffers hold.
      for (const socket of sockets) socket.unpipe().pause();
    },
    cutAfter: (bytes) =>
      new Promise((resolve, reject) => {
        let left = bytes;
        onBytes = (count) => {
          left -= count;
          if (left > 0) return;
          onBytes = () => undefined;
          cut().then(resolve, reject);
        };
      }),
  };
}
