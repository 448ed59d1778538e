import { z } from 'zod';
import { compilePolicy } from '../../../src/policy/policy.ts';
import { compileRoutes } from '../../../src/route/compile.ts';
import { routeConfig } from '../../../src/route/config.ts';
import type { Route } from '../../../src/route/table.ts';

export type RouteInput = Partial<z.input<typeof routeConfig>>;

const config = z.object({ id: z.string() }).and(routeConfig);

/** Routes as the configuration would give them; ids are host and path where none is written. */
export function routesOf(inputs: readonly RouteInput[]): readonly Route[] {
  const configs = inputs.map((input) =>
    config.parse({ upstream: 'http://127.0.0.1:1', id: `r${idOf(input)}`, ...input }),
  );
  return compileRoutes(configs, {
    policyOf: ({ access }) => compilePolicy(access),
    headersOf: () => ({ names: [], write: () => [], writeAll: () => [] }),
    basicAuthOf: () => null,
  });
}

function idOf({ host = '', path = '/' }: RouteInput): string {
  return `${host}${path}`.replace(/[^A-Za-z0-9.]+/g, '-');
}
