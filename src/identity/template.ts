import type { Identity } from './identity.ts';

/** A template as it stands in the configuration, taken apart: literal text and names such as `user` or `claims.team`. */
export type TemplatePart = { readonly text: string } | { readonly name: string };

const plainNames = ['user', 'name', 'email', 'groups', 'method'] as const;

/** Joined groups longer than this (UTF-8 bytes) are cut after the last group that fits: app servers stop at 8 KiB a header. */
const maxGroupsBytes = 6 * 1024;

/** Takes a template apart; undefined when a brace is left alone or a name is none of ours. A doubled brace is a plain one. */
export function readTemplate(template: string): readonly TemplatePart[] | undefined {
  const parts: TemplatePart[] = [];
  for (const [whole, name] of template.matchAll(/\{\{|\}\}|\{([^{}]*)\}|[^{}]+|[{}]/g)) {
    if (name !== undefined) {
      if (!isTemplateName(name)) return undefined;
      parts.push({ name });
    } else if (whole === '{{' || whole === '}}') parts.push({ text: whole.slice(1) });
    else if (whole === '{' || whole === '}') return undefined;
    else parts.push({ text: whole });
  }
  return parts;
}

function isTemplateName(name: string): boolean {
  return plainNames.some((known) => known === name) || /^claims\.[^\s{}]{1,128}$/.test(name);
}

/** The joined groups of an identity; `kept` may be less than all. */
export interface JoinedGroups {
  readonly text: string;
  readonly kept: number;
}

/**
 * Groups joined by commas, whole groups only, within 6 KiB. A group with a comma would read as two (sign-in refuses
 * them); should one get here, it is left out.
 */
export function joinGroups(groups: readonly string[]): JoinedGroups {
  const kept: string[] = [];
  let bytes = 0;
  for (const group of groups) {
    if (group === '' || group.includes(',')) continue;
    bytes += Buffer.byteLength(group) + 1;
    if (bytes > maxGroupsBytes + 1) break;
    kept.push(group);
  }
  return { text: kept.join(','), kept: kept.length };
}

/**
 * Fills a template; the empty string when it has names and not one of them is known (`"Hello {name}"` without a name says
 * nothing). Lists are joined by commas.
 */
export function fillTemplate(parts: readonly TemplatePart[], identity: Identity): string {
  let filled = '';
  let known = !parts.some((part) => 'name' in part);
  for (const part of parts) {
    if ('text' in part) {
      filled += part.text;
      continue;
    }
    const value = valueOf(part.name, identity);
    if (value !== '') known = true;
    filled += value;
  }
  return known ? filled : '';
}

function valueOf(name: string, identity: Identity): string {
  switch (name) {
    case 'user':
      return identity.user;
    case 'name':
      return identity.name;
    case 'email':
      return identity.email;
    case 'groups':
      return joinGroups(identity.groups).text;
    case 'method':
      return identity.method;
    default: {
      const claim = name.slice('claims.'.length);
      return Object.hasOwn(identity.claims, claim) ? (identity.claims[claim] ?? []).join(',') : '';
    }
  }
}
