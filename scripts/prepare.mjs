/** `npm install` in a clone builds; `npm install --omit=dev` has no compiler and must not fail. */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
let hasCompiler = true;
try {
  require.resolve('typescript/package.json');
} catch {
  hasCompiler = false;
}
if (hasCompiler) await import('./build.mjs');
