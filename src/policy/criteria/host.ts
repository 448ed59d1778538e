import type { RequestCriterion } from '../criterion.ts';

/** `hosts: [app.example.com, "*.example.com"]`: a wildcard fits every host below the domain, not the domain itself. */
export function hostCriterion(hosts: readonly string[]): RequestCriterion {
  const names = hosts.map((host) => host.toLowerCase().replace(/\.$/, ''));
  const exact = new Set(names.filter((name) => !name.startsWith('*.')));
  const endings = names.filter((name) => name.startsWith('*.')).map((name) => name.slice(1));
  return {
    key: 'hosts',
    wants: `hosts ${hosts.join(', ')}`,
    fits: ({ host }) => exact.has(host) || endings.some((end) => host.length > end.length && host.endsWith(end)),
    sees: (question) => `host ${question.host}`,
  };
}
