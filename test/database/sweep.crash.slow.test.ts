import { sweepCrashSuite } from './sweep-crash.suite.ts';

sweepCrashSuite(4);
