import type { Unreadable } from '../request/facts.ts';

/** What a program is told about a request that could not be read. */
export const unreadableDetails: Readonly<Record<Unreadable['status'], string>> = {
  400: 'The request could be understood in more than one way, so it was not served.',
  405: 'This method is not served.',
  408: 'The request took too long to arrive.',
  414: 'The address is too long.',
  417: 'This expectation is not served; leave Expect out.',
  421: 'This host is not served on this connection.',
  426: 'This kind of upgrade is not served.',
  431: 'The headers are too large.',
  501: 'This method or transfer coding is not served.',
  505: 'This version of HTTP is not served.',
};
