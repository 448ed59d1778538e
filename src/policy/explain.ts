import { noneFits, type PolicyQuestion, type PolicySubject, type Verdict } from './policy.ts';
import { includes, judge, misfit, type Rule } from './rule.ts';

/** What became of one rule. */
export interface RuleExplanation {
  readonly rule: number;
  /** The rule in words: `allow groups editors, when methods POST`. */
  readonly text: string;
  /** `decides`: it has the last word. `misses`: it does not fit. `unreached`: another one decided before. */
  readonly outcome: 'decides' | 'misses' | 'unreached';
  /** Why, in words; empty when unreached. */
  readonly because: string;
}

export interface PolicyExplanation {
  /** What the policy's `evaluate` says, by the same steps. */
  readonly verdict: Verdict;
  readonly rules: readonly RuleExplanation[];
}

/** The policy's twin that tells, rule by rule, how it comes to its verdict. */
export function explainRules(
  rules: readonly Rule[],
  question: PolicyQuestion,
  subject: PolicySubject | null,
): PolicyExplanation {
  let decided: Verdict | null = null;
  const told = rules.map((rule): RuleExplanation => {
    const common = { rule: rule.number, text: ruleText(rule) };
    if (decided !== null) return { ...common, outcome: 'unreached', because: '' };
    decided = judge(rule, question, subject);
    if (decided === null) return { ...common, outcome: 'misses', because: missing(rule, question, subject) };
    return { ...common, outcome: 'decides', because: deciding(decided) };
  });
  return { verdict: decided ?? noneFits, rules: told };
}

function ruleText(rule: Rule): string {
  const who = rule.who.map((criteria) =>
    criteria.length === 0 ? 'anyone' : criteria.map(({ wants }) => wants).join(' and '),
  );
  const when = rule.when.map(({ wants }) => wants).join(' and ');
  const required = [
    ...(rule.requiresSecondFactor ? ['a second factor'] : []),
    ...(rule.signedInWithinMs === null ? [] : [`a sign-in within ${String(rule.signedInWithinMs / 1000)} s`]),
  ].join(' and ');
  return [
    `${rule.effect} ${who.join(' or ')}`,
    ...(when === '' ? [] : [`when ${when}`]),
    ...(required === '' ? [] : [`requiring ${required}`]),
  ].join(', ');
}

function missing(rule: Rule, question: PolicyQuestion, subject: PolicySubject | null): string {
  const criterion = misfit(rule, question);
  if (criterion !== null) return `${criterion.sees(question)} is none of ${criterion.wants}`;
  if (subject === null || includes(rule, subject.identity)) return 'it does not fit';
  const seen = rule.who.flat().filter((who) => !who.fits(subject.identity));
  return `the visitor has ${[...new Set(seen.map((who) => who.sees(subject.identity)))].join(' and ')}`;
}

function deciding(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'allow':
      return verdict.anonymous ? 'it fits, and nobody needs to be known' : 'it fits';
    case 'deny':
      return 'it fits';
    case 'needs-identity':
      return 'who the visitor is must be known';
    case 'needs-second-factor':
      return 'it fits, but a second factor is missing';
    case 'needs-recent-sign-in':
      return 'it fits, but the sign-in is too old';
  }
}
