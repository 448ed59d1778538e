import { foldPath } from '../../request/path.ts';
import type { RequestCriterion } from '../criterion.ts';
import { compileGlob } from './glob.ts';

/** `paths: ["/static/**"]`: globs on the canonical path. */
export function pathCriterion(globs: readonly string[]): RequestCriterion {
  const plain = globs.map((glob) => compileGlob(glob));
  const folded = globs.map((glob) => compileGlob(glob, foldPath));
  return {
    key: 'paths',
    wants: `paths ${globs.join(', ')}`,
    fits: ({ path, ignoreCase }) => {
      if (!ignoreCase) return plain.some((fits) => fits(path));
      const foldedPath = foldPath(path);
      return folded.some((fits) => fits(foldedPath));
    },
    sees: ({ path, ignoreCase }) => `path ${path}${ignoreCase ? ' (without regard to case)' : ''}`,
  };
}
