import { isAlive } from '../../infra/process-tree.ts';
import type { ServerName } from '../../infra/servers/server.ts';
import { startServer, stopServer } from '../../infra/stack-control.ts';
import { readState, stackFolder } from '../../infra/stack-state.ts';

/** The stack whose servers the tests may stop; throws where the servers are the user's own. */
function stackOfTests(): string {
  const name = process.env['TAILRACE_TEST_STACK'];
  if (name === undefined || name === '')
    throw new Error(
      'this test stops a server: name its stack in TAILRACE_TEST_STACK, or run it with `npm test`',
    );
  return name;
}

/** Kills the server while `work` runs, as in a power cut, and starts it again with its data. */
export async function whileServerIsDown(server: ServerName, work: () => Promise<void>): Promise<void> {
  const stack = stackOfTests();
  await stopServer(stack, server, 'SIGKILL');
  try {
    await work();
  } finally {
    await startServer(stack, server);
  }
}

/** Freezes the server while `work` runs: its connections stay open and nothing is answered. */
export async function whileServerIsFrozen(server: ServerName, work: () => Promise<void>): Promise<void> {
  const running = readState(stackFolder(stackOfTests()), server)?.process;
  if (running === undefined || !isAlive(running)) throw new Error(`the stack's ${server} does not run`);
  process.kill(running.pid, 'SIGSTOP');
  try {
    await work();
  } finally {
    process.kill(running.pid, 'SIGCONT');
  }
}
