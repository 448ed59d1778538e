import { readFileSync } from 'node:fs';
import { GatewayError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import type { TrustedIssuer } from './bearer-jwt.ts';
import type { BearerIssuerConfig } from './config.ts';
import { createFetchedKeys, createFixedKeys } from './issuer-keys.ts';
import type { IssuerKeys } from './issuer-keys.ts';

/** Keeps fetched keys over a reload of the configuration, so that an issuer need not be there at that moment. */
export interface IssuerPool {
  /** The issuers of a configuration; keys of issuers that stayed as they were are taken over. Throws `config-invalid`. */
  readonly use: (configs: readonly BearerIssuerConfig[]) => readonly TrustedIssuer[];
}

export function createIssuerPool(runtime: Runtime): IssuerPool {
  let known = new Map<string, IssuerKeys>();
  return {
    use: (configs) => {
      const kept = new Map<string, IssuerKeys>();
      const issuers = configs.map((config): TrustedIssuer => {
        if (config.jwksFile !== undefined)
          return { config, keys: createFixedKeys(config, readJwksFile(config.jwksFile)) };
        const { issuer, algorithms, discovery, jwksUrl, insecureHttp } = config;
        const name = JSON.stringify([issuer, algorithms, discovery, jwksUrl, insecureHttp]);
        const keys = known.get(name) ?? createFetchedKeys(config, runtime);
        kept.set(name, keys);
        return { config, keys };
      });
      known = kept;
      return issuers;
    },
  };
}

/** Reads a JWK set. Throws `config-invalid`. */
export function readJwksFile(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new GatewayError('config-invalid', `could not read the key set ${file}`, { cause });
  }
}
