import type { Identity } from '../identity/identity.ts';
import type { AccessConfig } from './config.ts';
import type { CriterionOptions } from './criterion.ts';
import { compileRules, judge, type Rule } from './rule.ts';

/** What a policy may ask about a request. */
export interface PolicyQuestion {
  /** The reading of the path that is judged. */
  readonly path: string;
  readonly method: string;
  readonly host: string;
  readonly clientAddress: string;
  readonly nowMs: number;
  /** Compare paths without regard to case (an upstream may do so). */
  readonly ignoreCase: boolean;
}

/** What the policy knows of the visitor. */
export interface PolicySubject {
  readonly identity: Identity;
  readonly secondFactor: boolean;
  readonly authenticatedAtMs: number;
}

/** The policy's word. `rule` counts from 0; null: none fitted. */
export type Verdict =
  /** `anonymous`: the rule lets anyone in, so nobody needs to be known. */
  | { readonly kind: 'allow'; readonly rule: number; readonly anonymous: boolean }
  | { readonly kind: 'deny'; readonly rule: number | null }
  /** Who the visitor is must be known to go on; only when asked without a subject. */
  | { readonly kind: 'needs-identity'; readonly rule: number }
  | { readonly kind: 'needs-second-factor'; readonly rule: number }
  | { readonly kind: 'needs-recent-sign-in'; readonly rule: number };

export interface Policy {
  /** `subject` null: the visitor is unknown (or has not been looked up yet). First fitting rule decides. */
  readonly evaluate: (question: PolicyQuestion, subject: PolicySubject | null) => Verdict;
  /** Some rule looks at the path: only then do other readings and other cases matter within this route. */
  readonly judgesPaths: boolean;
}

/** Compiles the access rules of one route. Throws RangeError on values that the configuration's own checks refuse. */
export function compilePolicy(access: AccessConfig, options: CriterionOptions = {}): Policy {
  return createPolicy(compileRules(access, options));
}

/** The policy of compiled rules. Who wants to explain it keeps the rules. */
export function createPolicy(rules: readonly Rule[]): Policy {
  return Object.freeze({
    evaluate: (question: PolicyQuestion, subject: PolicySubject | null) => {
      for (const rule of rules) {
        const verdict = judge(rule, question, subject);
        if (verdict !== null) return verdict;
      }
      return noneFits;
    },
    judgesPaths: rules.some((rule) => rule.when.some((criterion) => criterion.key === 'paths')),
  });
}

/** What no rule allows is denied. */
export const noneFits: Verdict = { kind: 'deny', rule: null };
