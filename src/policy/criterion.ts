import type { Identity } from '../identity/identity.ts';
import type { WhenConfig, WhoConfig } from './config.ts';
import { claimCriterion } from './criteria/claim.ts';
import { emailDomainCriterion } from './criteria/email-domain.ts';
import { emailCriterion } from './criteria/email.ts';
import { groupCriterion } from './criteria/group.ts';
import { hostCriterion } from './criteria/host.ts';
import { hoursCriterion } from './criteria/hours.ts';
import { methodCriterion } from './criteria/method.ts';
import { networkCriterion } from './criteria/network.ts';
import { pathCriterion } from './criteria/path.ts';
import { signInMethodCriterion } from './criteria/sign-in-method.ts';
import { signedInCriterion } from './criteria/signed-in.ts';
import { userCriterion } from './criteria/user.ts';
import type { PolicyQuestion } from './policy.ts';

/** One condition of a rule, compiled: fits or does not, and can say in words what it wants and what it sees. */
export interface Criterion<Subject> {
  /** As in the configuration: `networks 10.0.0.0/8`. */
  readonly wants: string;
  readonly fits: (subject: Subject) => boolean;
  /** For explaining: what of the subject was looked at, `client address 192.0.2.1`. */
  readonly sees: (subject: Subject) => string;
}

/** A condition on the request (`when`). */
export interface RequestCriterion extends Criterion<PolicyQuestion> {
  readonly key: keyof WhenConfig;
}

/** A condition on the person (`allow`, `deny`). */
export type IdentityCriterion = Criterion<Identity>;

export interface CriterionOptions {
  /** IANA zone of `hours` that name none. Default: the machine's. */
  readonly timeZone?: string | undefined;
}

/** Compiles `when`: all of the criteria must fit. */
export function requestCriteria(when: WhenConfig, options: CriterionOptions): readonly RequestCriterion[] {
  return keysOf(when).flatMap((key) => requestCriterion(key, when, options));
}

function requestCriterion(key: keyof WhenConfig, when: WhenConfig, options: CriterionOptions): RequestCriterion[] {
  switch (key) {
    case 'paths':
      return when.paths === undefined ? [] : [pathCriterion(when.paths)];
    case 'methods':
      return when.methods === undefined ? [] : [methodCriterion(when.methods)];
    case 'networks':
      return when.networks === undefined ? [] : [networkCriterion(when.networks)];
    case 'hosts':
      return when.hosts === undefined ? [] : [hostCriterion(when.hosts)];
    case 'hours':
      return when.hours === undefined ? [] : [hoursCriterion(when.hours, options.timeZone)];
  }
}

type WhoKeys = Exclude<WhoConfig, string>;

/** Compiles one entry of a rule's "who": all of the criteria must fit. Empty for `anyone`, who need not be known. */
export function identityCriteria(who: WhoConfig): readonly IdentityCriterion[] {
  if (who === 'anyone') return [];
  if (who === 'signed-in') return [signedInCriterion()];
  return keysOf(who).flatMap((key) => identityCriterion(key, who));
}

function identityCriterion(key: keyof WhoKeys, who: WhoKeys): IdentityCriterion[] {
  switch (key) {
    case 'users':
      return who.users === undefined ? [] : [userCriterion(who.users)];
    case 'groups':
      return who.groups === undefined ? [] : [groupCriterion(who.groups)];
    case 'emails':
      return who.emails === undefined ? [] : [emailCriterion(who.emails)];
    case 'emailDomains':
      return who.emailDomains === undefined ? [] : [emailDomainCriterion(who.emailDomains)];
    case 'methods':
      return who.methods === undefined ? [] : [signInMethodCriterion(who.methods)];
    case 'claims':
      return Object.entries(who.claims ?? {}).map(([name, values]) => claimCriterion(name, values));
  }
}

function keysOf<T extends object>(value: T): readonly (keyof T)[] {
  return Object.keys(value) as (keyof T)[];
}
