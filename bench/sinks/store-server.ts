import type { ProcessIdentity } from '../../infra/process-tree.ts';
import { serverNamed, titleOf } from '../../infra/servers/all.ts';
import { startStack, stopStack } from '../../infra/stack-control.ts';
import { outsideUrl } from '../../infra/stack-env.ts';
import { readState, stackFolder } from '../../infra/stack-state.ts';
import type { StoreName } from '../arguments.ts';

/** The server of a store; disposing of it stops it. */
export interface StoreServer extends AsyncDisposable {
  readonly url: string;
  /** Undefined where the user runs the server. */
  readonly process: ProcessIdentity | undefined;
}

/** Starts the server of one store in the stack, so that no other store takes CPU from what is measured. */
export async function startStoreServer(
  stack: string,
  name: StoreName,
  onProgress: (line: string) => void,
): Promise<StoreServer> {
  const { env } = await startStack({ name: stack, only: [name], onProgress });
  return {
    url: env[serverNamed(name).variable] ?? '',
    process: readState(stackFolder(stack), name)?.process,
    [Symbol.asyncDispose]: () => stopStack({ name: stack, only: [name] }),
  };
}

/** What stands for the stores, as a reader of figures must know it: `mongodb (SecantusDB stand-in)`. */
export function titlesOf(names: readonly StoreName[]): string[] {
  return names.map((name) => {
    const server = serverNamed(name);
    return outsideUrl(server) === undefined ? titleOf(server) : `${name} (a server of the user's)`;
  });
}
