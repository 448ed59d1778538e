import type { AccessTokensConfig } from '../access-token/config.ts';
import type { BearerIssuerConfig } from '../authentication/config.ts';
import type { IdentityConfig } from '../identity/config.ts';
import type { LogConfig } from '../observability/config.ts';
import type { ThemeConfig } from '../response/config.ts';
import type { IdentifiedRouteConfig } from '../route/compile.ts';
import type { SessionConfig } from '../session/config.ts';
import type { SignInConfig } from '../sign-in/config.ts';
import type { ServerConfig } from './config.ts';

/** What the server asks of a loaded configuration, room by room. */
export interface ServerSettings {
  readonly server: ServerConfig & { readonly publicUrl: string };
  readonly session: SessionConfig;
  readonly signIn: SignInConfig;
  readonly accessTokens: AccessTokensConfig;
  readonly bearer: readonly BearerIssuerConfig[];
  readonly identity: IdentityConfig;
  readonly routes: readonly IdentifiedRouteConfig[];
  readonly theme: ThemeConfig;
  readonly log: LogConfig;
}
