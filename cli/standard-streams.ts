/** What a shell reports of a program that wrote into a pipe without a reader: 128 + SIGPIPE. */
const READER_GONE = 141;

/**
 * Ends the process as other programs end when nobody reads on (`| head`), since Node gets an error for it instead of a
 * signal. Without a reader of stderr the work goes on: a log that is lost must not stop a worker.
 */
export function watchStandardStreams(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(READER_GONE);
    process.stderr.write(`error INTERNAL: stdout cannot be written: ${error.message}\n`);
    process.exit(1);
  });
  process.stderr.on('error', () => undefined);
}

/**
 * Ends the process once everything that was written has left it. A pipe takes about 64 KiB at once; `process.exit()` alone
 * would drop the rest. Clients keep timers and sockets of their own, so without it a finished command would not end.
 */
export async function endProcess(): Promise<never> {
  for (const stream of [process.stdout, process.stderr])
    await new Promise<void>((resolve) => stream.write('', () => resolve()));
  process.exit();
}
