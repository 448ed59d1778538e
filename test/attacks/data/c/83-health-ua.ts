import { denied, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'C83',
  slug: 'health-ua',
  behaviour: 'lets no user agent of a health checker in',
  cases: [
    'GoogleHC/1.0',
    'kube-probe/1.30',
    'ELB-HealthChecker/2.0',
    'Amazon-Route53-Health-Check-Service',
    'Consul Health Check',
  ].flatMap((agent) =>
    ['/private/x', '/private/health', '/private/healthz'].map((target) => ({
      name: `${agent} at ${target}`,
      target,
      headers: [`User-Agent: ${agent}`],
      expect: denied,
    })),
  ),
};
