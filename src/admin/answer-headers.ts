/**
 * What every answer carries, whatever it says: a browser that shows one as a page may run and load nothing of it, nor put it into a page of others, nor
 * guess another kind of content. Pages have policies of their own, which let in files of the node. No CORS header is ever sent.
 */
export const ANSWER_HEADERS = {
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
} as const;

/** Nothing but the node's own files, requests to the node alone, and no page of others around it. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
];

export const DASHBOARD_POLICY = PAGE_POLICY.join('; ');

/** The page of the REST has its icons in its style sheet. */
export const DOCS_POLICY = PAGE_POLICY.map((rule) =>
  rule.startsWith('img-src') ? `${rule} data:` : rule,
).join('; ');
