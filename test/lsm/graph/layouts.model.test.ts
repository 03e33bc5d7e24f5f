import { ArrayEngine } from './array-engine.ts';
import { layoutSuite } from './layout.suite.ts';

layoutSuite('an array of entries', async () => new ArrayEngine(), { numRuns: 100 });
