import type { Identity } from '../identity/identity.ts';
import type { AccessConfig, RuleConfig, WhoConfig } from './config.ts';
import {
  identityCriteria,
  requestCriteria,
  type CriterionOptions,
  type IdentityCriterion,
  type RequestCriterion,
} from './criterion.ts';
import type { PolicyQuestion, PolicySubject, Verdict } from './policy.ts';

/** One access rule, compiled. Its verdicts are made at start, so that judging allocates nothing. */
export interface Rule {
  readonly number: number;
  readonly effect: 'allow' | 'deny';
  /** All must fit. */
  readonly when: readonly RequestCriterion[];
  /** One entry must fit, and all of its criteria. An entry without criteria is anyone. */
  readonly who: readonly (readonly IdentityCriterion[])[];
  readonly requiresSecondFactor: boolean;
  readonly signedInWithinMs: number | null;
  /** Nobody needs to be known for this rule. */
  readonly anonymous: boolean;
  readonly verdicts: RuleVerdicts;
}

interface RuleVerdicts {
  readonly effect: Verdict;
  readonly needsIdentity: Verdict;
  readonly needsSecondFactor: Verdict;
  readonly needsRecentSignIn: Verdict;
}

const shorthands: Readonly<Record<Extract<AccessConfig, string>, readonly RuleConfig[]>> = {
  public: [{ allow: ['anyone'] }],
  'signed-in': [{ allow: ['signed-in'] }],
  'second-factor': [{ allow: ['signed-in'], require: { secondFactor: true } }],
};

/** Compiles the rules of one route. Throws RangeError on values that the configuration's own checks refuse. */
export function compileRules(access: AccessConfig, options: CriterionOptions = {}): readonly Rule[] {
  const rules = typeof access === 'string' ? shorthands[access] : access;
  return rules.map((rule, number) => compileRule(rule, number, options));
}

function compileRule(config: RuleConfig, number: number, options: CriterionOptions): Rule {
  const allows = 'allow' in config;
  const who = (allows ? config.allow : config.deny).map((entry: WhoConfig) => identityCriteria(entry));
  const requirement = allows ? config.require : undefined;
  const requiresSecondFactor = requirement?.secondFactor === true;
  const signedInWithinMs = requirement?.signedInWithin ?? null;
  const letsAnyoneIn = who.some((criteria) => criteria.length === 0);
  const anonymous = letsAnyoneIn && !requiresSecondFactor && signedInWithinMs === null;
  return {
    number,
    effect: allows ? 'allow' : 'deny',
    when: config.when === undefined ? [] : requestCriteria(config.when, options),
    who,
    requiresSecondFactor,
    signedInWithinMs,
    anonymous,
    verdicts: {
      effect: allows ? { kind: 'allow', rule: number, anonymous } : { kind: 'deny', rule: number },
      needsIdentity: { kind: 'needs-identity', rule: number },
      needsSecondFactor: { kind: 'needs-second-factor', rule: number },
      needsRecentSignIn: { kind: 'needs-recent-sign-in', rule: number },
    },
  };
}

/**
 * The verdict of one rule; null when it does not fit, so that the next one has the word. Both evaluating and explaining
 * go through here and can't disagree.
 */
export function judge(rule: Rule, question: PolicyQuestion, subject: PolicySubject | null): Verdict | null {
  if (misfit(rule, question) !== null) return null;
  if (rule.anonymous) return rule.verdicts.effect;
  if (subject === null) return rule.verdicts.needsIdentity;
  if (!includes(rule, subject.identity)) return null;
  if (rule.requiresSecondFactor && !subject.secondFactor) return rule.verdicts.needsSecondFactor;
  const oldestMs = rule.signedInWithinMs;
  // Written so that a time that is no number counts as long ago.
  if (oldestMs !== null && !(question.nowMs - subject.authenticatedAtMs <= oldestMs))
    return rule.verdicts.needsRecentSignIn;
  return rule.verdicts.effect;
}

/** The first condition of `when` that does not fit; null when all do. */
export function misfit(rule: Rule, question: PolicyQuestion): RequestCriterion | null {
  for (const criterion of rule.when) if (!criterion.fits(question)) return criterion;
  return null;
}

/** True when the rule speaks of this person. */
export function includes(rule: Rule, identity: Identity): boolean {
  return rule.who.some((criteria) => criteria.every((criterion) => criterion.fits(identity)));
}
