import { catalogOf, own, withReturn, type PageFrame } from './layout.ts';
import type { Message } from './message-page.ts';
import type { Visit } from './visit.ts';

/** Why a sign-in at a provider came to nothing. */
export interface SignInFailedView {
  readonly kind:
    /** Too old, done already, or begun in another browser. */
    | 'expired'
    /** The provider, or what it said, is against it. */
    | 'refused'
    | 'unavailable'
    /** Begun at a host that providers do not send back to. */
    | 'elsewhere'
    /** The user name belongs to another account. */
    | 'name-taken';
  /** Label of the method. */
  readonly provider: string;
  /** User name, with `name-taken`. */
  readonly user: string;
  readonly returnTo: string | null;
  readonly publicUrl: string;
  readonly requestId: string | null;
}

const statuses = { expired: 400, refused: 403, unavailable: 503, elsewhere: 400, 'name-taken': 403 } as const;
const scenes = {
  expired: 'wait',
  refused: 'closed',
  unavailable: 'broken',
  elsewhere: 'empty',
  'name-taken': 'closed',
} as const;

/** Says what happened and leads back to the sign-in page, which asks before it goes to a provider again. */
export function signInFailed(
  frame: PageFrame,
  visit: Visit,
  { kind, provider, user, returnTo, publicUrl, requestId }: SignInFailedView,
): { readonly status: number; readonly message: Message } {
  const catalog = catalogOf(visit);
  const texts = catalog.signInFailed;
  const page = withReturn('/sign-in?choose=1', returnTo).replace(/\?return_to=/, '&return_to=');
  const address = own(frame, visit, page);
  const leads = {
    expired: texts.expired,
    refused: texts.refused(provider),
    unavailable: texts.unavailable(provider),
    elsewhere: texts.elsewhere(publicUrl),
    'name-taken': texts.nameTaken(user, provider),
  };
  return {
    status: statuses[kind],
    message: {
      scene: scenes[kind],
      title: texts.title,
      lead: leads[kind],
      ...(kind === 'name-taken' ? { next: texts.nameTakenNext } : {}),
      actions: [{ label: texts.again, address: kind === 'elsewhere' ? publicUrl + address : address }],
      requestId,
    },
  };
}
