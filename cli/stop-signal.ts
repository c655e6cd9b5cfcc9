/** Aborts at Ctrl-C and SIGTERM, which would otherwise end the process with work half done. */
export function stopSignal(): { readonly signal: AbortSignal; forget(): void } {
  const controller = new AbortController();
  const abort = () => controller.abort();
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const name of signals) process.on(name, abort);
  return {
    signal: controller.signal,
    forget: () => {
      for (const name of signals) process.off(name, abort);
    },
  };
}
