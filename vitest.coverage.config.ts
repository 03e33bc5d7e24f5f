/** `npm run coverage`: how much of the storage engine its own tests run. */
import { defineConfig, type ViteUserConfig } from 'vitest/config';

const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/storage/**/*.test.ts', 'test/lsm/**/*.test.ts', 'test/lsm*.test.ts'],
    exclude: ['test/**/*.slow.test.ts', 'node_modules/**', 'dist/**'],
    testTimeout: 300_000, // Measuring costs time.
    hookTimeout: 60_000,
    coverage: {
      provider: 'v8',
      include: ['src/storage/**/*.ts', 'src/lsm/**/*.ts'],
      // Runs in a worker thread alone, where nothing is measured; all that it calls is tested by itself.
      exclude: ['src/lsm/job-worker.ts'],
      reporter: ['text', 'json-summary', 'json'],
      reportsDirectory: 'node_modules/.cache/coverage',
      thresholds: { branches: 95 },
    },
  },
});

export default config;
