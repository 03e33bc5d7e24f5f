import { defineConfig, type ViteUserConfig } from 'vitest/config';

const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/**/*.slow.test.ts'],
    // By default one processor is left idle: half of them, of two.
    maxWorkers: '100%',
    testTimeout: 600_000,
    hookTimeout: 60_000,
  },
});

export default config;
