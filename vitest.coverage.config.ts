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
      reporter: ['text', 'json-summary', 'json'],
      reportsDirectory: 'node_modules/.cache/coverage',
      thresholds: { branches: 95 },
    },
  },
});

export default config;
