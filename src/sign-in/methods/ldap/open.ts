import { readFileSync } from 'node:fs';
import { GatewayError } from '../../../errors.ts';
import type { SessionRenewer } from '../../../authentication/session-renewal.ts';
import type { Runtime } from '../../../runtime.ts';
import type { Throttle } from '../../throttle.ts';
import { createLdapClient } from './client.ts';
import type { LdapConfig } from './config.ts';
import type { PretendingMethod } from '../local-first.ts';
import { createLdapMethod } from './ldap.ts';
import { ldapIssuer } from './identity.ts';
import { createLdapOwnerCheck } from './owner.ts';
import { createLdapRenewer } from './renewal.ts';
import { settleLdap } from './settings.ts';
import type { LdapServer } from './socket.ts';
import { readLdapUrl } from './url.ts';

/** A directory in use. */
export interface LdapDirectory {
  readonly method: PretendingMethod;
  /** Null when nobody may ask about a person who is not there. */
  readonly renewer: SessionRenewer | null;
  /** Says what somebody is now; null like `renewer`. */
  readonly owner: { readonly issuer: string; readonly everyMs: number; readonly ask: LdapOwnerCheck } | null;
  readonly close: () => void;
}

type LdapOwnerCheck = ReturnType<typeof createLdapOwnerCheck>;

/** Builds the method of a directory; connects when first asked. Throws `config-invalid` when `tls.ca` can't be read. */
export function openLdap(config: LdapConfig, throttle: Throttle, runtime: Runtime): LdapDirectory {
  const settings = settleLdap(config);
  const { ca, serverName, insecureSkipTlsVerify } = config.tls;
  const client = createLdapClient({
    servers: config.url.map((url) => toServer(url, config.startTls)),
    tls: { ca: ca === undefined ? null : [readCa(ca)], serverName: serverName ?? null, insecureSkipTlsVerify },
    service:
      config.bindDn === undefined || config.bindPassword === undefined
        ? null
        : { name: config.bindDn, password: config.bindPassword },
    poolSize: config.poolSize,
    connectTimeoutMs: config.connectTimeout,
    requestTimeoutMs: config.timeout,
    runtime,
  });
  return {
    method: createLdapMethod({ settings, client, throttle, runtime }),
    renewer: settings.canRefresh ? createLdapRenewer({ settings, client, runtime }) : null,
    owner: settings.canRefresh
      ? {
          issuer: ldapIssuer(settings.id),
          everyMs: settings.refreshMs,
          ask: createLdapOwnerCheck({ settings, client, runtime }),
        }
      : null,
    close: client.close,
  };
}

function toServer(url: string, startTls: boolean): LdapServer {
  const address = readLdapUrl(url);
  if (address === null) throw new GatewayError('config-invalid', `could not read the address ${url}`);
  const { isTls, host, port } = address;
  return { shown: url, host, port, security: isTls ? 'tls' : startTls ? 'start-tls' : 'none' };
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new GatewayError('config-invalid', `could not read signIn.ldap.tls.ca: ${file}`, { cause: error });
  }
}
