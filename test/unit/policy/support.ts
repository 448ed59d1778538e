import type { z } from 'zod';
import type { Identity } from '../../../src/identity/identity.ts';
import { accessConfig } from '../../../src/policy/config.ts';
import { compilePolicy, type PolicyQuestion, type PolicySubject, type Verdict } from '../../../src/policy/policy.ts';

export type Access = z.input<typeof accessConfig>;

export function identity(more: Partial<Identity> = {}): Identity {
  return {
    user: 'alice',
    name: 'Alice',
    email: '',
    groups: [],
    claims: {},
    method: 'local',
    issuer: 'local',
    subject: 'alice',
    ...more,
  };
}

export function subject(more: Partial<Identity> = {}, state: Partial<PolicySubject> = {}): PolicySubject {
  return { identity: identity(more), secondFactor: false, authenticatedAtMs: 0, ...state };
}

export function question(more: Partial<PolicyQuestion> = {}): PolicyQuestion {
  return {
    path: '/',
    method: 'GET',
    host: 'app.test',
    clientAddress: '192.0.2.7',
    nowMs: 0,
    ignoreCase: false,
    ...more,
  };
}

/** What rules, as written in the configuration, say. */
export function judge(access: Access, asked: Partial<PolicyQuestion> = {}, who: PolicySubject | null = null): Verdict {
  return compilePolicy(accessConfig.parse(access), { timeZone: 'UTC' }).evaluate(question(asked), who);
}

/** True when these people are let in by a rule that names them so. */
export function admits(allow: Exclude<Access, string>[number], who: Partial<Identity>): boolean {
  return judge([allow], {}, subject(who)).kind === 'allow';
}

/** Messages of the faults that the configuration finds in these rules. */
export function faultsOf(access: unknown): readonly string[] {
  const messages = (issues: readonly z.core.$ZodIssue[]): string[] =>
    issues.flatMap((issue) =>
      issue.code === 'invalid_union' ? issue.errors.flatMap((branch) => messages(branch)) : [issue.message],
    );
  return messages(accessConfig.safeParse(access).error?.issues ?? []);
}
