import type { Fields } from './form.ts';

/** Longest password; longer ones could only be meant to keep the hash busy. */
const maxPasswordLength = 1_000;

/** The sign-in form as it was sent, byte for byte. */
export interface SignInForm {
  readonly username: string;
  readonly password: string;
  readonly remember: boolean;
  readonly formToken: string | undefined;
  /** Not yet checked. */
  readonly returnTo: string | undefined;
  /** Not yet checked. */
  readonly fragment: string | undefined;
}

/** Picks the fields out of the form; null for a password that is too long (400). */
export function readSignInForm(fields: Fields): SignInForm | null {
  const password = fields.get('password') ?? '';
  if (password.length > maxPasswordLength) return null;
  return {
    username: fields.get('username') ?? '',
    password,
    remember: !/^(|0|off|no|false)$/i.test(fields.get('remember') ?? ''),
    formToken: fields.get('form_token'),
    returnTo: fields.get('return_to'),
    fragment: fields.get('fragment'),
  };
}
