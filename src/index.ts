export { DatabaseError, type ErrorCode, isDatabaseError } from './errors.ts';
