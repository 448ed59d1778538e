import type { RequestCriterion } from '../criterion.ts';

/** `methods: [GET]` of a request: exact; GET fits HEAD as well, which asks for the same without the body. */
export function methodCriterion(methods: readonly string[]): RequestCriterion {
  const names = new Set(methods.includes('GET') ? [...methods, 'HEAD'] : methods);
  return {
    key: 'methods',
    wants: `methods ${methods.join(', ')}`,
    fits: (question) => names.has(question.method),
    sees: (question) => `method ${question.method}`,
  };
}
