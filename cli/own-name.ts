import { registerHooks } from 'node:module';

const OWN_NAME = 'tailrace/';
const PROJECT_ROOT = new URL('../', import.meta.url);

/**
 * Lets a config or a transform in TypeScript import from `tailrace/...` in any folder: the files are those of the program
 * that runs, so nothing has to be installed beside the config and no second copy can be of another version.
 */
export function answerToOwnName(): void {
  registerHooks({
    resolve: (specifier, context, next) =>
      next(
        specifier.startsWith(OWN_NAME)
          ? new URL(specifier.slice(OWN_NAME.length), PROJECT_ROOT).href
          : specifier,
        context,
      ),
  });
}
