/** The query of a walk, made ready for what it measures by. */
import { CODES_BITS, WALK_CODES, WALK_SPACE } from '../layout';
import { prepareBits } from './bits';
import { preparePlain } from './plain';
import { holdsVectors } from './space';
import { prepareSq8 } from './sq8';

/** Codes the query at WALK_QUERY, which is left as it is. */
export function walkPrepare(walk: u32): void {
  if (load<u32>(walk, WALK_CODES) == CODES_BITS) prepareBits(walk);
  else if (holdsVectors(load<u32>(walk, WALK_SPACE))) preparePlain(walk);
  else prepareSq8(walk);
}
