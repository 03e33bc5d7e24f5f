import { sweepCrashSuite } from './sweep-crash.suite.ts';

// A few dozen of the calls; the slow tests take more.
sweepCrashSuite(53);
